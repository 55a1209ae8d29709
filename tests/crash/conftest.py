"""A stage for each crash test."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from client import Client
from stage import Stage

from api_client import Api
from estate import Chain, Estate
from scm_api.db.session import Database
from simulator import Simulator


@pytest.fixture
async def chain(estate: Estate) -> Chain:
    """All that an enrollment needs."""
    return await estate.chain()


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
