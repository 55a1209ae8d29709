"""F16, F29 and lost jobs: however often a job is delivered, one step is taken once."""

import asyncio
import signal
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update
from stage import Stage

from scm_api.db.base import new_id
from scm_api.db.jobs import Job, enqueue_many
from scm_api.db.models import Enrollment
from scm_api.db.session import Database
from scm_api.drivers.pool import DriverPool
from scm_api.gateway.connections import Gateway
from scm_api.secret_keys import load_key_ring
from scm_api.settings import Settings
from scm_api.worker.claims import Busy, Claim, take
from scm_api.worker.upkeep import Upkeep


async def test_f16_two_workers_claim_one_enrollment_at_once(
    stage: Stage, settings: Settings
) -> None:
    """A thousand rounds, a hundred for each of ten enrollments side by side."""
    enrollments = await stage.client.enroll_many(10)
    database = Database(settings.database_url or "", pool_size=2 * len(enrollments))
    await asyncio.gather(*(_race(database, enrollment_id) for enrollment_id in enrollments))
    await database.aclose()


async def _race(database: Database, enrollment_id: UUID) -> None:
    barrier = asyncio.Barrier(2)
    release = update(Enrollment).where(Enrollment.id == enrollment_id).values(lease_until=None)

    async def claim() -> Claim | Busy | None:
        async with database.transaction() as session:
            await session.connection()
            await barrier.wait()
            return await take(session, enrollment_id, timedelta(minutes=5))

    for generation in range(1, 101):
        claims = await asyncio.gather(claim(), claim())
        (won,) = (found for found in claims if isinstance(found, Claim))
        (lost,) = (found for found in claims if isinstance(found, Busy))
        assert won.generation == generation
        assert lost.wait > timedelta(minutes=4)
        async with database.transaction() as session:
            await session.execute(release)


async def test_f29_a_job_delivered_ten_times_is_done_once(stage: Stage, database: Database) -> None:
    enrollment_id = await stage.client.enroll()
    await _repeat(database, Job.ADVANCE_ENROLLMENT, enrollment_id)
    for _ in range(2):
        stage.worker()
    await stage.at_rest()
    assert stage.orders(enrollment_id) == 1

    certificate = await stage.certificate_of(enrollment_id)
    assert certificate is not None
    await stage.client.revoke(str(certificate.id))
    await _repeat(database, Job.REVOKE_CERTIFICATE, certificate.id)
    await stage.at_rest()
    await stage.queue_is_empty()
    assert len(stage.simulator.ledger("revocation")) == 1
    await stage.story_holds()


async def _repeat(database: Database, job: Job, subject_id: UUID) -> None:
    async with database.transaction() as session:
        await enqueue_many(session, job, [(subject_id, new_id())] * 10)


async def test_jobs_that_vanished_are_found_by_upkeep(
    stage: Stage, database: Database, settings: Settings
) -> None:
    worker = stage.worker()
    (certified,) = await stage.client.enroll_many(1)
    await stage.at_rest()
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    certificate = await stage.certificate_of(certified)
    assert certificate is not None
    await stage.client.enroll_many(2)
    await stage.client.revoke(str(certificate.id))
    await stage.execute("DELETE FROM pgqueuer")

    ring = load_key_ring(settings)
    gateway = Gateway(database, ring, DriverPool())
    assert await Upkeep(database, gateway, ring, timedelta(minutes=1)).requeue_lost() == 0
    upkeep = Upkeep(database, gateway, ring, timedelta(0))
    assert await upkeep.requeue_lost() == 3
    assert await upkeep.requeue_lost() == 0
    await stage.story_holds()
    stage.worker()
    await stage.at_rest()
    await stage.story_holds()
