"""F23 and I5: a job outlives the database it could not be put back into."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from scm_api.db.base import new_id
from scm_api.db.embedded import EmbeddedPostgres
from scm_api.db.jobs import Job, enqueue, run_now
from scm_api.db.schema import revisions
from scm_api.db.session import Database
from scm_api.settings import Settings
from scm_api.worker.queue import Endless, Handler, Queue

_LEASE = timedelta(minutes=5)  # who runs the job again within a test did not wait for it to end
_SOON = timedelta(seconds=2)  # where it matters that somebody runs it again, not who
_PATIENCE = 60.0
_LOCK = text("SELECT id FROM pgqueuer FOR UPDATE")
_TERMINATE_BLOCKED = text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'
""")

_READ_ONLY = "default_transaction_read_only"
_OF_THE_QUEUE = "datname = current_database() AND application_name <> 'scm-api'"
_TERMINATE = text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_OF_THE_QUEUE}")
_BEGUN_SINCE = text(
    f"SELECT count(*) FROM pg_stat_activity WHERE {_OF_THE_QUEUE} AND backend_start > :since"
)
_NOW = text("SELECT clock_timestamp()")
_NOTHING = partial(asyncio.sleep, 0)


@asynccontextmanager
async def _running(
    url: str,
    handler: Handler,
    lease: timedelta = _LEASE,
    upkeep: Endless = _NOTHING,
) -> AsyncIterator[None]:
    """A queue that runs this handler for surplus certificates, which nothing else looks after."""
    queue = Queue(
        url,
        {Job.REVOKE_SURPLUS: handler},
        upkeep,
        lease=lease,
        idle_poll=timedelta(seconds=0.2),
        concurrency=4,
    )
    running = asyncio.create_task(queue.run())
    try:
        yield
    finally:
        queue.stop()
        await running


async def _enqueue(database: Database) -> None:
    async with database.transaction() as session:
        await enqueue(session, Job.REVOKE_SURPLUS, new_id(), new_id())


async def test_f23_a_job_whose_connection_is_terminated_is_run_again(
    database: Database, settings: Settings
) -> None:
    """Just as it is put back: its row is locked until the connection is gone."""
    cut, again = asyncio.Event(), asyncio.Event()

    async def locked() -> None:
        async with database.transaction() as session:
            await session.execute(_LOCK)
            held.set()
            for _ in range(600):
                if (await session.scalars(_TERMINATE_BLOCKED)).all():
                    cut.set()
                    return
                await asyncio.sleep(0.05)

    async def handler(_subject: UUID, _tries: int) -> timedelta | None:
        if cut.is_set():
            again.set()
            return None
        lockers.append(asyncio.create_task(locked()))
        await held.wait()
        return timedelta(0)

    held, lockers = asyncio.Event(), list[asyncio.Task[None]]()
    await _enqueue(database)
    async with _running(settings.database_url or "", handler), asyncio.timeout(_PATIENCE):
        await again.wait()
        await asyncio.gather(*lockers)


async def test_f23_a_job_that_met_a_restart_is_run_again(
    own_postgres: tuple[EmbeddedPostgres, str],
) -> None:
    postgres, url = own_postgres
    database = Database(url)
    down, again = asyncio.Event(), asyncio.Event()

    async def handler(_subject: UUID, _tries: int) -> timedelta | None:
        if down.is_set():
            again.set()
            return None
        await asyncio.to_thread(postgres.down)
        down.set()
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
        return None

    await _enqueue(database)
    async with _running(url, handler), asyncio.timeout(_PATIENCE):
        await down.wait()
        await asyncio.sleep(1)
        await asyncio.to_thread(postgres.up)
        await again.wait()
    await database.aclose()


async def test_f25_a_job_is_put_back_though_the_server_became_a_standby(
    database: Database, settings: Settings
) -> None:
    """Connections to it stay open; the one who has its place is found by a new one."""
    again, since = asyncio.Event(), asyncio.Future[datetime]()
    url = settings.database_url or ""
    name = make_url(url).database
    demoted = text(f'ALTER DATABASE "{name}" SET {_READ_ONLY} = on')
    promoted = text(f'ALTER DATABASE "{name}" SET {_READ_ONLY} = off')

    async def handler(_subject: UUID, tries: int) -> timedelta | None:
        if tries:
            again.set()
            return None
        async with database.transaction() as session:
            await session.execute(demoted)
        async with database.transaction() as session:  # those opened from here on are demoted
            since.set_result(await session.scalar(_NOW))
            await session.execute(_TERMINATE)
        return timedelta(0)

    async def promote() -> None:
        begun, told = 0, {"since": await since}
        while not begun:
            async with database.transaction() as session:
                begun = await session.scalar(_BEGUN_SINCE, told) or 0
        async with database.transaction() as session:
            await session.execute(text("SET TRANSACTION READ WRITE"))
            await session.execute(promoted)

    await _enqueue(database)
    async with _running(url, handler, _SOON), asyncio.timeout(_PATIENCE):
        await promote()
        await again.wait()


@pytest.mark.parametrize("revision", [revisions()[-2], "9999"])
async def test_no_job_is_run_on_the_schema_of_another_version(
    revision: str, database: Database, settings: Settings
) -> None:
    """What the CA issued for it could not be stored. Upkeep waits as well: it makes jobs."""
    ran, kept_up = asyncio.Event(), asyncio.Event()

    async def handler(_subject: UUID, _tries: int) -> None:
        ran.set()

    async def upkeep() -> None:
        kept_up.set()

    await _enqueue(database)
    at = text("UPDATE alembic_version SET version_num = :revision")
    async with database.transaction() as session:
        await session.execute(at, {"revision": revision})
    queue = _running(settings.database_url or "", handler, upkeep=upkeep)
    async with queue, asyncio.timeout(_PATIENCE):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ran.wait(), 1)
        assert not kept_up.is_set()
        async with database.transaction() as session:
            await session.execute(at, {"revision": revisions()[-1]})
        await ran.wait()
        await kept_up.wait()


async def test_what_was_put_off_runs_now_and_what_is_running_once_more(database: Database) -> None:
    """A run that began before may put itself off afterwards, or does so at this moment."""
    put_off, due, running, held, twice, other, owner = (new_id() for _ in range(7))
    read = text("SELECT payload, status::text, execute_after > now() AS later FROM pgqueuer")
    pick = text("UPDATE pgqueuer SET status = 'picked' WHERE payload = :payload")
    hold = text("SELECT FROM pgqueuer WHERE payload = :payload FOR UPDATE")
    async with database.transaction() as session:
        for subject in (put_off, held, twice, twice, other):
            await enqueue(session, Job.REVOKE_SURPLUS, subject, owner, delay=timedelta(hours=1))
        for subject in (due, running):
            await enqueue(session, Job.REVOKE_SURPLUS, subject, owner)
        await session.execute(pick, {"payload": running.bytes})
    async with database.transaction() as writing, database.transaction() as session:
        await writing.execute(hold, {"payload": held.bytes})
        those = [(each, owner) for each in (put_off, due, running, held, twice)]
        await run_now(session, Job.REVOKE_SURPLUS, those)
        found = sorted((UUID(bytes=row.payload), *row[1:]) for row in await session.execute(read))
    assert found == sorted(
        [
            (put_off, "queued", False),
            (due, "queued", False),
            (running, "picked", False),
            (running, "queued", False),
            (held, "queued", True),
            (held, "queued", False),
            (twice, "queued", False),
            (twice, "queued", True),
            (other, "queued", True),
        ]
    )
