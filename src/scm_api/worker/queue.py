"""The durable job engine, pgqueuer, behind one small face: jobs in, subject ids out.

The engine delivers at least once: a job whose worker stops beating is handed to another after the
lease. Everything it runs decides by the state of the row, so that does no harm. No failure takes a
job out of the queue.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver
from pgqueuer.core.buffers import JobStatusLogBuffer
from pgqueuer.core.executors import AbstractEntrypointExecutor
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.models import Job as QueuedJob
from pgqueuer.queries import Queries

from scm_api.correlation import follow
from scm_api.database_url import dsn_of
from scm_api.db.catalogue import Connection
from scm_api.db.jobs import Job
from scm_api.db.schema import REVISION, misfit, without_schema
from scm_api.db.session import is_away
from scm_api.logger import get_logger

# Takes the subject's id and how often this job ran before; returns a wait before it runs again.
Handler = Callable[[UUID, int], Awaitable[timedelta | None]]
Endless = Callable[[], Coroutine[Any, Any, None]]

_log = get_logger(__name__)
_DATABASE_AWAY = timedelta(seconds=2)
_AFTER_ERROR = timedelta(seconds=30)
_TRY_AGAIN = 1.0  # seconds
_NEVER = timedelta(0)  # nobody reads those statistics, which nobody would delete either


class Queue:
    """Runs the handlers for due jobs until told to stop, and `upkeep` meanwhile.

    Neither runs on the schema of another version.
    """

    def __init__(
        self,
        database_url: str,
        handlers: Mapping[Job, Handler],
        upkeep: Endless,
        *,
        lease: timedelta,
        idle_poll: timedelta,
        concurrency: int,
    ) -> None:
        self._dsn = dsn_of(database_url)
        self._handlers = handlers
        self._upkeep = upkeep
        self._lease = lease
        self._idle_poll = idle_poll
        self._concurrency = concurrency
        self._stopping = asyncio.Event()
        self._manager: _Manager | None = None

    def stop(self) -> None:
        """Take no new jobs; `run` returns when those under way have ended."""
        self._stopping.set()
        if self._manager is not None:
            self._manager.shutdown.set()

    async def run(self) -> None:
        """Work until `stop`; when the database goes away, wait for it and go on."""
        while not self._stopping.is_set():
            try:
                await self._run_connected()
            except Exception as error:  # noqa: BLE001 -- a worker outlives whatever its queue meets
                if self._stopping.is_set():
                    return
                _log.warning("job queue interrupted, trying again", why=_why(error))
                await self._pause(_TRY_AGAIN)

    async def _run_connected(self) -> None:
        async with asyncpg.create_pool(
            self._dsn,
            min_size=1,
            max_size=4,
            timeout=5,
            command_timeout=30,
            reset=_as_it_is,
            connection_class=Connection,
        ) as pool:
            if advice := misfit(await pool.fetchval(REVISION)):
                raise RuntimeError(advice)
            self._manager = _Manager(Queries(AsyncpgPoolDriver(pool)))
            self._manager.pool = pool
            for job, handler in self._handlers.items():
                self._manager.entrypoint(job.value, accepts_context=False)(_entry(job, handler))
            batch = max(1, min(10, self._concurrency // 2))
            if self._stopping.is_set():
                return
            async with _meanwhile(self._upkeep):
                await self._manager.run(
                    dequeue_timeout=self._idle_poll,
                    batch_size=batch,
                    max_concurrent_tasks=max(self._concurrency, 2 * batch),
                    heartbeat_timeout=self._lease,
                    shutdown_on_listener_failure=True,
                    log_aggregation_interval=_NEVER,
                )

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


@asynccontextmanager
async def _meanwhile(work: Endless) -> AsyncIterator[None]:
    running = asyncio.create_task(work())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _why(error: Exception) -> str:
    advice = without_schema(error)
    return f"{error}: {advice}" if advice else str(error)


class _Manager(QueueManager):
    """The engine's, for tables that migrations make and jobs that are not given up."""

    pool: asyncpg.Pool

    async def verify_structure(self) -> None:
        """Looks for nothing: sixteen questions at each start, 3 ms each, and their answer is what
        the first statement would say as well."""

    async def log_failure(
        self,
        job: QueuedJob,
        executor: AbstractEntrypointExecutor,  # noqa: ARG002 -- the engine's signature
        exc: Exception,
        jbuff: JobStatusLogBuffer,  # noqa: ARG002
    ) -> None:
        """Put the job back as soon as the database answers.

        What comes here ran and could not be put back, and the engine would delete it. Where this
        worker stops first, or the database refuses, another takes it over after the lease.
        """
        _log.warning("job could not be put back yet", job=job.entrypoint, why=_why(exc))
        while is_away(exc) and not self.shutdown.is_set():
            await asyncio.sleep(_TRY_AGAIN)
            await self.pool.expire_connections()  # what became a standby would never take it
            try:
                await self.queries.retry_job(job, _DATABASE_AWAY, None)
            except Exception as error:  # noqa: BLE001 -- the job must not be lost, whatever it is
                exc = error
            else:
                return


async def _as_it_is(connection: asyncpg.Connection) -> None:
    """The engine leaves nothing behind: its statements are single ones, and the connection it
    listens on is not given back. To undo nothing would cost a statement after each."""


def _entry(job: Job, handler: Handler) -> Callable[[QueuedJob], Awaitable[None]]:
    async def run(queued: QueuedJob) -> None:  # in a task, and so in a context, of its own
        subject_id = UUID(bytes=queued.payload or b"")
        follow(None, job=job.value, **{job.subject: subject_id})
        try:
            wait = await handler(subject_id, queued.attempts)
        except Exception as error:
            if not is_away(error):
                _log.exception("job failed")
            delay = _DATABASE_AWAY if is_away(error) else _AFTER_ERROR
            raise RetryRequested(delay=delay, reason=type(error).__name__) from error
        if wait is not None:
            raise RetryRequested(delay=wait, reason="not yet")

    return run
