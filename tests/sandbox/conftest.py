"""One simulator for all tests of this folder, set back before each."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aws_client import Sandbox
from digicert_client import CertCentral
from entrust_client import Entrust
from microsoft_client import Adcs

from loop_thread import LoopThread
from made_states import made_state
from scm_api.sandbox import aws, digicert, entrust, microsoft


@pytest.fixture(scope="session")
def _running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A simulator in a thread of its own, so that boto3 can block; quotas and waits are off."""
    settings = aws.Settings(
        state=tmp_path_factory.mktemp("aws") / "state",
        behaviour=aws.Behaviour(quotas={}, pending_gets=0),
    )
    with LoopThread() as loop:
        server = loop.run(aws.serve(settings))
        yield Sandbox(server.url)
        loop.run(server.aclose())


@pytest.fixture
def sandbox(_running_sandbox: Sandbox) -> Sandbox:
    """The simulator as it was at its start, with nothing issued."""
    _running_sandbox.control("POST", "/reset", {"issued": True}, status=204)
    return _running_sandbox


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture(scope="session")
def _running_digicert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CertCentral]:
    """A simulator in a thread of its own; limits are off."""
    behaviour = digicert.Behaviour(rate_limits=[])
    state = made_state("digicert", tmp_path_factory.mktemp("digicert"))
    with LoopThread() as loop:
        server = loop.run(digicert.serve(digicert.Settings(state, behaviour=behaviour)))
        yield CertCentral(server.url)
        loop.run(server.aclose())


@pytest.fixture
def certcentral(_running_digicert: CertCentral) -> CertCentral:
    """The simulator as it was at its start, called by an administrator."""
    _running_digicert.control("POST", "/reset")
    return _running_digicert


@pytest.fixture(scope="session")
def _running_entrust(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entrust]:
    """A simulator in a thread of its own; limits are off."""
    behaviour = entrust.Behaviour(rate_limits=[])
    state = made_state("entrust", tmp_path_factory.mktemp("entrust"))
    with LoopThread() as loop:
        server = loop.run(entrust.serve(entrust.Settings(state, behaviour=behaviour)))
        yield Entrust(server.url, server.simulator.transport)
        loop.run(server.aclose())


@pytest.fixture
def ecs(_running_entrust: Entrust) -> Entrust:
    """The simulator as it was at its start."""
    _running_entrust.control("POST", "/reset")
    return _running_entrust


@pytest.fixture(scope="session")
def _running_adcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adcs]:
    """A simulator in a thread of its own."""
    state = made_state("microsoft", tmp_path_factory.mktemp("microsoft"))
    with LoopThread() as loop:
        server = loop.run(microsoft.serve(microsoft.Settings(state)))
        yield Adcs(server)
        loop.run(server.aclose())


@pytest.fixture
def adcs(_running_adcs: Adcs) -> Adcs:
    """The simulator as it was at its start."""
    _running_adcs.control("POST", "/reset")
    return _running_adcs
