"""A worker with the recovery everybody writes first: no answer, so order again.

It is kept to be caught: a history check that finds nothing wrong with it proves nothing.
"""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from scm_api.db.jobs import Job
from scm_api.db.session import Database
from scm_api.drivers.pool import DriverPool
from scm_api.gateway.connections import Gateway
from scm_api.logs import configure_logging
from scm_api.secret_keys import load_key_ring
from scm_api.settings import Settings, load_settings
from scm_api.worker.claims import Claim, write
from scm_api.worker.crash import CrashPoints
from scm_api.worker.issuance import Issuance, Limits
from scm_api.worker.outcomes import end_attempt
from scm_api.worker.planning import Plan, Recover, Submit
from scm_api.worker.queue import Queue


class NaiveIssuance(Issuance):
    """Gives a lost order up and makes a new one, with a token of its own."""

    async def _prepare(self, claim: Claim) -> tuple[Any, Plan]:
        if isinstance(super()._plan(claim), Recover):
            async with self._database.transaction() as session:
                await write(session, claim)
                await end_attempt(session, claim, "given up")
            claim.attempt = None
        return await super()._prepare(claim)

    def _plan(self, claim: Claim) -> Plan:
        return Submit(fresh=True) if claim.attempt is None else super()._plan(claim)


async def work(settings: Settings) -> None:
    """Advance enrollments until killed."""
    assert settings.database_url is not None
    database = Database(settings.database_url, pool_size=settings.worker_pool_size)
    gateway = Gateway(database, load_key_ring(settings), DriverPool())
    lease = timedelta(seconds=settings.lease_seconds)
    limits = Limits(
        lease=lease,
        write_deadline=timedelta(seconds=settings.write_deadline_seconds),
        longest_pause=timedelta(seconds=settings.longest_pause_seconds),
        attempts=settings.job_attempts,
    )
    issuance = NaiveIssuance(database, gateway, limits, CrashPoints(settings))

    async def advance(enrollment_id: UUID, _tries: int) -> timedelta | None:
        return await issuance.advance(enrollment_id)

    queue = Queue(
        settings.database_url,
        {Job.ADVANCE_ENROLLMENT: advance},
        lease=lease,
        idle_poll=timedelta(seconds=settings.queue_poll_seconds),
        concurrency=settings.worker_concurrency,
    )
    await queue.run()


def main() -> None:
    """Run one naive worker, with the settings of the environment."""
    settings = load_settings()
    configure_logging(settings)
    asyncio.run(work(settings))
