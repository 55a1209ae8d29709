"""One reading of the database's URL for the pool, migrations, the queue and the listener."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from scm_api.core.errors import Unavailable
from scm_api.db.migrate import upgrade
from scm_api.db.session import Database
from scm_api.issuance.waiting import Changes
from scm_api.worker.queue import Queue

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")  # PostgreSQL manual, "Message Formats"


class Plain:
    """A server without TLS: the URL that requires it, and what came over each connection."""

    def __init__(self, port: int) -> None:
        self.url = f"postgresql+asyncpg://scm:canary@127.0.0.1:{port}/scm?sslmode=require"
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()


@pytest.fixture
async def plain() -> AsyncIterator[Plain]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(len(_SSL_REQUEST))
        writer.write(b"N")
        there.heard.put_nowait(first + await reader.read())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    there = Plain(server.sockets[0].getsockname()[1])
    async with server:
        yield there


async def pool(url: str) -> None:
    database = Database(url, pool_size=1)
    with pytest.raises(Unavailable):
        async with database.transaction() as session:
            await session.connection()
    await database.aclose()


async def migrations(url: str) -> None:
    with pytest.raises(ConnectionError):
        await asyncio.to_thread(upgrade, url)


async def listener(url: str) -> None:
    changes = Changes(url)
    with pytest.raises(Unavailable):
        async with changes.subscribed(uuid4(), 5):
            pass
    await changes.aclose()


@asynccontextmanager
async def _running(queue: Queue) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.run())
    yield
    queue.stop()
    await task


@pytest.mark.parametrize("reach", [pool, migrations, listener])
async def test_where_tls_is_required_nothing_is_said_without_it(
    reach: Callable[[str], Awaitable[None]], plain: Plain
) -> None:
    await reach(plain.url)
    assert await plain.heard.get() == _SSL_REQUEST


async def test_where_tls_is_required_the_queue_says_nothing_without_it(plain: Plain) -> None:
    second = timedelta(seconds=1)
    nothing = partial(asyncio.sleep, 0)
    queue = Queue(plain.url, {}, nothing, lease=second, idle_poll=second, concurrency=1)
    async with _running(queue):
        assert await plain.heard.get() == _SSL_REQUEST
