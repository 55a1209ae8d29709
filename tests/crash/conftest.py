"""Stages for crash tests: one for most, several side by side where a test mostly waits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from client import Client
from stage import OpenStage, Stage

from api_client import Api, Contract
from databases import Databases
from estate import Chain, Estate
from running import settings_for, started
from scm_api.access.provisioning import create_admin_with_key
from scm_api.db.session import Database
from simulator import Simulator, running_simulator


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


@pytest.fixture
def open_stage(
    databases: Databases,
    contract: Contract,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> OpenStage:
    """Opens stages like that, each with an API, a CA and a database of its own."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Stage]:
        directory = tmp_path_factory.mktemp("stage")
        url = databases.clone()
        with running_simulator(directory / "ca") as simulator:
            simulator.behave(pending_gets=0)
            async with started(settings_for(url, directory)) as app:
                database = app.state.resources.database
                key = await create_admin_with_key(database, "Ada", "ada@example.com")
                api = Api(app, contract, key)
                client = Client(api.http, await Estate(api, simulator.url).chain())
                here = environment | {"SCM_DATABASE_URL": url}
                with closing(Stage(client, simulator, database, here, directory)) as stage:
                    yield stage
        databases.drop(url)

    return opened
