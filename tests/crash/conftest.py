"""Stages for crash tests: one for most, several side by side where a test mostly waits."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest
from client import Client
from fastapi import FastAPI
from stage import OpenStage, Stage
from venues import Kind, OpenAt, Venues

from api_client import Api, Contract
from databases import Databases
from estate import Chain, Estate
from scm_api.db.session import Database
from simulator import Simulator, running_simulator


async def _aws_chain(estate: Estate, simulator: Simulator) -> Chain:
    estate.aws_url = simulator.url
    return await estate.chain()


AWS = Kind(running_simulator, _aws_chain)


@pytest.fixture
async def stage(
    api: Api,
    chain: Chain,
    simulator: Simulator,
    database: Database,
    environment: dict[str, str],
    tmp_path: Path,
) -> AsyncIterator[Stage]:
    """A client of the API in this process, a CA that issues at once, and no worker yet."""
    simulator.behave(pending_gets=0)
    client = Client(api.http, chain)
    with closing(Stage(client, simulator, database, environment, tmp_path)) as opened:
        yield opened


@pytest.fixture(scope="session")
def venues(
    databases: Databases,
    contract: Contract,
    _application: FastAPI,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Venues]:
    """Where several scenes play side by side."""
    with ExitStack() as stack:
        directory = partial(tmp_path_factory.mktemp, "venue")
        yield Venues(databases, _application, contract, directory, stack)


@pytest.fixture
def open_at(venues: Venues, environment: dict[str, str]) -> OpenAt:
    """Opens stages at a kind of CA, each with an API, a CA and a database of its own."""
    return lambda kind: partial(venues.stage, kind, environment)


@pytest.fixture
def open_stage(open_at: OpenAt) -> OpenStage:
    """Opens stages like `stage`."""
    open_aws = open_at(AWS)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Stage]:
        async with open_aws() as stage:
            stage.simulator.behave(pending_gets=0)
            yield stage

    return opened
