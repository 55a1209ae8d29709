"""`Prefer: wait` where PostgreSQL tells nothing of changes: what is stored is told all the same."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url

from api_client import Api, code_of
from estate import Estate, Json
from scm_api.core.errors import Unavailable
from scm_api.db.base import new_id
from scm_api.db.session import Database
from scm_api.issuance.waiting import Changes
from scm_api.settings import Settings
from settlement import PATIENCE, Enrolling

PASSWORD = "correct horse battery"
_NOBODY = "postgresql+asyncpg://scm@/postgres?host=/nonexistent"
# A standby's ErrorResponse to LISTEN (PostgreSQL manual, section 54.7).
_FIELDS = b"SERROR\0C25006\0Mcannot execute LISTEN during recovery\0\0"
_STANDBY = b"E" + (4 + len(_FIELDS)).to_bytes(4) + _FIELDS


def _at(port: int, url: str = _NOBODY) -> str:
    local = make_url(url).set(host="127.0.0.1", port=port, query={})
    return local.render_as_string(hide_password=False)


@asynccontextmanager
async def _standby_once(url: URL) -> AsyncIterator[int]:
    """The port of that server, which refuses the first LISTEN and then keeps the connection."""
    refused = False

    async def copied(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            target.write(data)
        target.close()

    async def serve(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        nonlocal refused
        reader, server = await asyncio.open_unix_connection(f"{url.query['host']}/.s.PGSQL.5432")
        copying = asyncio.create_task(copied(reader, answers))
        while data := await client.read(65_536):
            if b"LISTEN" in data and not refused:
                refused = True
                answers.write(_STANDBY)
            else:
                server.write(data)
        server.close()
        await copying

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@contextmanager
def _silent() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=16)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def nobody_tells(app: FastAPI) -> None:
    """The API's listener finds no PostgreSQL; everything else does."""
    app.state.changes = Changes(_NOBODY)


@pytest.fixture
async def making(estate: Estate) -> Enrolling:
    """Through a profile that has keys made."""
    return Enrolling(estate.api, await estate.chain(server_side_keys=True, key_types=["ec-p256"]))


@pytest.mark.usefixtures("nobody_tells")
async def test_f23_who_had_a_key_made_gets_it_without_the_wait(making: Enrolling) -> None:
    wanted = {"key_type": "ec-p256", "password": PASSWORD, "common_name": "a.example.com"}
    names = [{"kind": "dns", "value": "a.example.com"}]
    body = making.body(names=names, generate_key=wanted)
    made: Json = await making.api.post("/enrollments", body, 202, headers=PATIENCE)
    assert made["state"] == "approved"
    assert made["private_key"]["content"]


@pytest.mark.usefixtures("nobody_tells")
async def test_f23_who_only_looks_is_told_to_come_again(enrolling: Enrolling) -> None:
    made = await enrolling.enroll("a.example.com")
    path = f"/enrollments/{made['id']}"
    answer = await enrolling.api.send("GET", path, 503, headers=PATIENCE)
    assert code_of(answer.json()) == "database-unavailable"
    assert int(answer.headers["retry-after"]) >= 1
    assert (await enrolling.api.get(path))["state"] == "approved"


async def test_nothing_is_kept_of_waits_for_what_nobody_may_see(api: Api) -> None:
    async def look() -> int:
        for _ in range(20):
            await api.get(f"/enrollments/{new_id()}", 404, headers=PATIENCE)
        gc.collect()
        return sum(type(each) is asyncio.Event for each in gc.get_objects())

    assert await look() == await look()


async def _wait(changes: Changes, enrollment_id: UUID, seconds: float) -> bool:
    async with changes.subscribed(enrollment_id, seconds) as changed:
        return changed.is_set()


async def test_nobody_waits_for_a_connection_longer_than_asked() -> None:
    """Nor for those before."""
    with _silent() as port:
        changes = Changes(_at(port))
        async with asyncio.timeout(4):
            assert not any(await asyncio.gather(*(_wait(changes, new_id(), 0.2) for _ in range(9))))
        with pytest.raises(Unavailable):
            await _wait(changes, new_id(), 30)
        await changes.aclose()


async def test_a_connection_that_may_not_listen_is_not_used_again(
    database: Database, settings: Settings
) -> None:
    enrollment_id = new_id()
    tell = text("SELECT pg_notify('scm_enrollments', CAST(:id AS text))")
    url = make_url(settings.database_url or "")
    async with _standby_once(url) as port:
        changes = Changes(_at(port, settings.database_url or ""))
        with pytest.raises(Unavailable):
            await _wait(changes, enrollment_id, 30)
        async with changes.subscribed(enrollment_id, 30) as changed, asyncio.timeout(30):
            async with database.transaction() as session:
                await session.execute(tell, {"id": str(enrollment_id)})
            await changed.wait()
        await changes.aclose()
