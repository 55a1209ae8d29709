"""The ledger of the simulators, when the disk is full."""

import resource
from pathlib import Path

import pytest

from scm_api.sandbox.ledger import JsonLines


def test_what_does_not_fit_is_not_there_later_either(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = JsonLines(path)
    ledger.append({"number": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5, hard))
    try:
        with pytest.raises(OSError, match="no room"):
            ledger.append({"number": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    ledger.append({"number": 3})
    ledger.close()
    assert [entry["number"] for entry in JsonLines(path)] == [1, 3]
