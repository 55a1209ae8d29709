"""F23: without the database nothing is half done, and everything goes on when it is back."""

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from api_client import Api, Contract, code_of
from running import StartApi, settings_for
from scm_api.access.provisioning import create_admin_with_key
from scm_api.core.errors import Unavailable
from scm_api.db.embedded import EmbeddedPostgres
from scm_api.db.session import Database
from scm_api.db.statements import Statement

Own = tuple[EmbeddedPostgres, str]


async def test_f23_requests_answer_503_and_nothing_is_lost(
    own_postgres: Own, start_api: StartApi, contract: Contract, tmp_path: Path
) -> None:
    postgres, url = own_postgres
    async with start_api(settings_for(url, tmp_path)) as app:
        database = app.state.resources.database
        api = Api(app, contract, await create_admin_with_key(database, "Ada", "ada@example.com"))
        kept = await api.post("/connectors", {"name": "kept"})
        await asyncio.to_thread(postgres.down)
        assert (await api.get("/health/live"))["status"] == "alive"
        assert "\nscm_state_read 0.0\n" in (await api.send("GET", "/metrics", 200)).text
        for path in ("/health/ready", "/connectors", f"/connectors/{kept['id']}"):
            with capture_logs() as logs:
                response = await api.send("GET", path, 503)
            assert code_of(response.json()) == "database-unavailable"
            assert int(response.headers["retry-after"]) >= 1
            assert any(each.get("why") for each in logs), "nobody is told why"
        for _ in range(3):
            headers = {"Idempotency-Key": "lost"}
            await api.post("/connectors", {"name": "lost"}, 503, headers=headers)
        await asyncio.to_thread(postgres.up)
        await ready(api)
        assert await api.get(f"/connectors/{kept['id']}") == kept
        await api.post("/connectors", {"name": "lost"}, headers={"Idempotency-Key": "lost"})
        assert [item["name"] for item in await api.everything("/connectors")] == ["lost", "kept"]


async def test_f23_a_server_that_takes_no_connection_is_away(own_postgres: Own) -> None:
    _, url = own_postgres
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    database = Database(url)
    async with AsyncExitStack() as others:
        with suppress(asyncpg.TooManyConnectionsError):
            while True:
                taken = await asyncpg.connect(dsn)
                others.push_async_callback(taken.close)
        with pytest.raises(Unavailable):
            async with database.each_statement():
                pass
        with pytest.raises(Unavailable):
            async with database.transaction() as session:
                await session.connection()
    await database.aclose()


async def test_f23_after_a_restart_the_first_statement_works(own_postgres: Own) -> None:
    """However many connections of the pool the server closed."""
    postgres, url = own_postgres
    database = Database(url)
    asking = Statement(text("SELECT 1 AS one FROM pg_sleep(0.1)"))

    async def ask() -> None:
        async with database.each_statement() as connection:
            assert [row["one"] for row in await asking.fetch(connection, {})] == [1]

    await asyncio.gather(*(ask() for _ in range(4)))
    await asyncio.to_thread(postgres.restart, "fast")
    await asyncio.sleep(0.2)  # what the server closed is known to be closed
    await ask()
    await database.aclose()


async def test_f23_a_restart_under_load_loses_nothing_that_was_answered(
    own_postgres: Own, start_api: StartApi, contract: Contract, tmp_path: Path
) -> None:
    postgres, url = own_postgres
    async with start_api(settings_for(url, tmp_path)) as app:
        database = app.state.resources.database
        api = Api(app, contract, await create_admin_with_key(database, "Ada", "ada@example.com"))
        promised: list[str] = []
        over = asyncio.Event()

        async def client(number: int) -> None:
            """Repeats each creation with its key until it is answered, as clients shall."""
            for count in range(10_000):
                if over.is_set():
                    return
                name = f"{number}-{count}"
                headers = {"Idempotency-Key": name}
                answer = None
                while answer is None or answer.status_code == 503:
                    answer = await api.send(
                        "POST", "/connectors", json={"name": name}, headers=headers
                    )
                assert answer.status_code == 201, answer.text
                promised.append(name)

        clients = [asyncio.create_task(client(number)) for number in range(6)]
        for mode in ("immediate", "kill"):
            await asyncio.sleep(0.3)
            await asyncio.to_thread(postgres.restart, mode)
        await ready(api)
        await asyncio.sleep(0.3)
        over.set()
        await asyncio.gather(*clients)
        stored = [item["name"] for item in await api.everything("/connectors")]
        assert sorted(stored) == sorted(promised)
        made = await api.everything("/audit-events?action=connector.created")
        assert len(made) == len(promised)


async def ready(api: Api) -> None:
    """Returns when the API says that it can serve."""
    for _ in range(100):
        if (await api.send("GET", "/health/ready")).status_code == 200:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the API does not become ready again")


@pytest.mark.parametrize("way", ["transaction", "each_statement"])
async def test_f25_a_server_that_was_made_a_standby_is_away_until_another_is_found(
    database_url: str, way: str
) -> None:
    """Its connections stay open and take no change any more: none of them is used again."""
    dsn = make_url(database_url).set(drivername="postgresql")
    admin = await asyncpg.connect(dsn.render_as_string(hide_password=False))
    database = Database(database_url, pool_size=1)

    async def change() -> None:
        if way == "each_statement":
            async with database.each_statement() as connection:
                await Statement(text("DELETE FROM blocked_keys")).fetch(connection, {})
        else:
            async with database.transaction() as session:
                await session.execute(text("DELETE FROM blocked_keys"))

    of_new_ones = f'ALTER DATABASE "{dsn.database}" SET default_transaction_read_only'
    await admin.execute(f"{of_new_ones} = on")
    with pytest.raises(Unavailable):
        await change()
    await admin.execute(f"{of_new_ones} = off")
    await change()
    await admin.close()
    await database.aclose()


async def test_f26_who_gives_way_to_another_is_told_to_come_again(database: Database) -> None:
    deadlock = "DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$"
    with pytest.raises(Unavailable):
        async with database.transaction() as session:
            await session.execute(text(deadlock))
    with pytest.raises(Unavailable):
        async with database.each_statement() as connection:
            await Statement(text(deadlock)).fetch(connection, {})
