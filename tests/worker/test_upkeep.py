"""What the service throws away after a while, and what it keeps."""

from datetime import timedelta

from sqlalchemy import text

from scm_api.db.session import Database
from scm_api.drivers.pool import DriverPool
from scm_api.gateway.connections import Gateway
from scm_api.secret_keys import load_key_ring
from scm_api.settings import Settings
from scm_api.worker.upkeep import Upkeep

_LOGGED = text("""
    INSERT INTO pgqueuer_log (created, job_id, status, priority, entrypoint)
    SELECT now() - age * interval '1 hour', age, 'successful', 0, 'advance_enrollment'
      FROM unnest(ARRAY[1, 23, 25, 100]) AS age
""")


async def test_the_log_of_jobs_is_kept_for_a_day(database: Database, settings: Settings) -> None:
    ring = load_key_ring(settings)
    gateway = Gateway(database, ring, DriverPool())
    async with database.transaction() as session:
        await session.execute(_LOGGED)
    await Upkeep(database, gateway, ring, timedelta(0)).forget_job_log()
    async with database.transaction() as session:
        kept = await session.scalars(text("SELECT job_id FROM pgqueuer_log ORDER BY job_id"))
        assert list(kept) == [1, 23]
