"""A stage for each crash test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from api_client import Api
from client import Client
from estate import Estate
from simulator import Simulator
from stage import Stage

from scm_api.db.session import Database


@pytest.fixture
async def stage(
    api: Api,
    estate: Estate,
    simulator: Simulator,
    database: Database,
    environment: dict[str, str],
    tmp_path: Path,
) -> AsyncIterator[Stage]:
    """An API with all an enrollment needs, a CA that issues at once, and no worker yet."""
    chain = await estate.chain()
    simulator.behave(pending_gets=0)
    client = Client(api.http, chain.organization["id"], chain.profile["id"])
    stage = Stage(client, simulator, database, environment, tmp_path)
    yield stage
    stage.close()
