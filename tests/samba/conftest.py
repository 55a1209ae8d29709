"""One domain controller for all tests of this folder."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from domain_controller import DomainController


@pytest.fixture(scope="session")
def controller() -> Iterator[DomainController]:
    running = DomainController(Path(tempfile.mkdtemp(prefix="samba-")))
    yield running
    running.stop()
