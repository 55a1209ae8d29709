"""A worker in this process, simulators of CAs, and an organization that may enroll."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from api_client import Api
from digicert_estate import CertCentral
from entrust_estate import Entrust
from estate import Chain, Estate
from loop_thread import LoopThread
from made_states import made_state
from scm_api.sandbox import digicert, entrust
from scm_api.settings import Settings
from scm_api.worker.process import working
from settlement import Enrolling
from simulator import Simulator


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[None]:
    """Runs the durable jobs beside the test."""
    async with working(settings) as queue:
        running = asyncio.create_task(queue.run())
        yield
        queue.stop()
        await running


@pytest.fixture
def estate(api: Api, simulator: Simulator, chain: Chain) -> Estate:
    """Builders for what a test needs to exist, on what is in the prepared database."""
    return Estate(api, simulator.url, prepared=chain)


@pytest.fixture
def enrolling(estate: Estate, chain: Chain) -> Enrolling:
    """Enrolls for the chain's organization; what else the test makes has nothing of it."""
    estate.prepared = None
    return Enrolling(estate.api, chain)


@pytest.fixture(scope="session")
def _running_digicert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CertCentral]:
    settings = digicert.Settings(made_state("digicert", tmp_path_factory.mktemp("digicert")))
    with LoopThread() as loop:
        server = loop.run(digicert.serve(settings))
        yield CertCentral(server.url)
        loop.run(server.aclose())


@pytest.fixture
def certcentral(_running_digicert: CertCentral) -> CertCentral:
    """CertCentral's simulator as it was at its start."""
    _running_digicert.control("POST", "/reset")
    return _running_digicert


@pytest.fixture(scope="session")
def _running_entrust(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entrust]:
    settings = entrust.Settings(made_state("entrust", tmp_path_factory.mktemp("entrust")))
    with LoopThread() as loop:
        server = loop.run(entrust.serve(settings))
        yield Entrust(server)
        loop.run(server.aclose())


@pytest.fixture
def entrust_ca(_running_entrust: Entrust) -> Entrust:
    """Entrust's simulator as it was at its start."""
    _running_entrust.control("POST", "/reset")
    return _running_entrust
