"""One worker process: opens what it needs, works until told to stop, closes it again."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from scm_api import set_aside_imports
from scm_api.db.jobs import Job
from scm_api.db.session import Database
from scm_api.drivers.pool import DriverPool
from scm_api.gateway.connections import Gateway
from scm_api.key_blocklist import key_checks
from scm_api.logger import get_logger
from scm_api.secret_keys import load_key_ring
from scm_api.settings import Settings
from scm_api.worker.bulkhead import Bulkhead
from scm_api.worker.clock import exit_when_paused
from scm_api.worker.crash import CrashPoints
from scm_api.worker.issuance import Issuance
from scm_api.worker.limits import Limits
from scm_api.worker.queue import Queue
from scm_api.worker.renewal import Renewals
from scm_api.worker.revocation import Revocation
from scm_api.worker.surplus import revoke_surplus
from scm_api.worker.upkeep import Upkeep

_log = get_logger(__name__)


async def run_worker(settings: Settings, issuing: type[Issuance] = Issuance) -> None:
    """Work until SIGTERM or SIGINT; calls under way end first, within their deadline.

    `settings.database_url` must be set: whoever starts the embedded database passes its URL.
    `issuing` takes the enrollments forward.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    guard = asyncio.create_task(exit_when_paused(settings.lease_seconds))
    async with working(settings, issuing) as queue:
        set_aside_imports()
        jobs = asyncio.create_task(queue.run())
        _log.info("worker started")
        await asyncio.wait(
            [jobs, asyncio.create_task(stopped.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        _log.info("worker stopping; calls under way end first")
        queue.stop()
        await jobs
    guard.cancel()
    _log.info("worker stopped")


@asynccontextmanager
async def working(settings: Settings, issuing: type[Issuance] = Issuance) -> AsyncIterator[Queue]:
    """A queue that is ready to run, with everything its jobs need, and upkeep beside it."""
    assert settings.database_url is not None
    lease = timedelta(seconds=settings.lease_seconds)
    database = Database(
        settings.database_url,
        pool_size=settings.worker_pool_size,
        application_name="scm-api worker",
        longest_idle=lease,
    )
    pool = DriverPool()
    ring = load_key_ring(settings)
    gateway = Gateway(database, ring, pool)
    checks = await asyncio.to_thread(key_checks, settings)
    renewals = Renewals(database, checks, settings.approval_within)
    upkeep = Upkeep(database, gateway, ring, lease, renewals)
    try:
        yield _queue(settings, database, gateway, issuing, upkeep)
    finally:
        await pool.aclose()
        await database.aclose()


def _queue(
    settings: Settings,
    database: Database,
    gateway: Gateway,
    issuing: type[Issuance],
    upkeep: Upkeep,
) -> Queue:
    assert settings.database_url is not None
    lease = timedelta(seconds=settings.lease_seconds)
    crash = CrashPoints(settings)
    limits = Limits(
        lease=lease,
        write_deadline=timedelta(seconds=settings.write_deadline_seconds),
        longest_pause=timedelta(seconds=settings.longest_pause_seconds),
        attempts=settings.job_attempts,
    )
    bulkhead = Bulkhead(settings.worker_concurrency)
    issuance = issuing(database, gateway, limits, crash, bulkhead)
    revocation = Revocation(database, gateway, limits, crash, bulkhead)

    async def advance(enrollment_id: UUID, _tries: int) -> timedelta | None:
        return await issuance.advance(enrollment_id)

    async def trim(enrollment_id: UUID, _tries: int) -> None:
        await revoke_surplus(database, enrollment_id)

    async def check(ca_backend_id: UUID, _tries: int) -> None:
        await upkeep.check(ca_backend_id)

    return Queue(
        settings.database_url,
        {
            Job.ADVANCE_ENROLLMENT: advance,
            Job.REVOKE_CERTIFICATE: revocation.revoke,
            Job.REVOKE_SURPLUS: trim,
            Job.CHECK_CA_BACKEND: check,
        },
        upkeep.run,
        lease=lease,
        idle_poll=timedelta(seconds=settings.queue_poll_seconds),
        concurrency=settings.worker_concurrency,
    )
