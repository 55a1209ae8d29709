"""F23: PostgreSQL dies under load, with the API and two workers as processes of their own."""

import asyncio
from contextlib import closing
from pathlib import Path

import httpx
from client import Client
from stage import Stage, eventually

from api_client import Api, Contract
from estate import Estate
from plain_http import NO_TRUST
from processes import command, free_port
from running import settings_for, started
from scm_api.access.provisioning import create_admin_with_key
from scm_api.db.embedded import EmbeddedPostgres
from scm_api.db.session import Database
from simulator import Simulator

CLIENTS, ENROLLMENTS_EACH = 4, 8


async def test_f23_everything_accepted_is_issued_once(
    own_postgres: tuple[EmbeddedPostgres, str],
    simulator: Simulator,
    contract: Contract,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    postgres, url = own_postgres
    async with started(settings_for(url, tmp_path)) as app:
        key = await create_admin_with_key(app.state.resources.database, "Ada", "ada@example.com")
        chain = await Estate(Api(app, contract, key), simulator.url).chain()
    port = free_port()
    database = Database(url)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {key}"},
        timeout=20,
        verify=NO_TRUST,
        trust_env=False,
    ) as http:
        here = environment | {"SCM_DATABASE_URL": url, "SCM_PORT": f"{port}"}
        with closing(Stage(Client(http, chain), simulator, database, here, tmp_path)) as stage:
            stage.start(command("serve"), "api")
            await eventually(lambda: _ready(http), "the API is ready")
            stage.worker()
            stage.worker()
            load = [asyncio.create_task(_enroll(stage.client)) for _ in range(CLIENTS)]
            for _ in range(2):
                await asyncio.sleep(0.8)
                await asyncio.to_thread(postgres.restart, "immediate")
            await asyncio.gather(*load)
            await stage.at_rest()

            for enrollment_id in stage.client.log.keys:
                assert (await stage.row(enrollment_id)).state == "issued"
            assert len(simulator.ledger("order")) == CLIENTS * ENROLLMENTS_EACH
            assert stage.client.log.unanswered
            await stage.story_holds()
    await database.aclose()


async def _enroll(client: Client) -> None:
    for _ in range(ENROLLMENTS_EACH):
        await client.enroll()
        await asyncio.sleep(0.2)


async def _ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/health/ready")).is_success
    except httpx.TransportError:
        return False
