"""What the service throws away after a while, what it keeps, and what it finds out by itself."""

from collections import deque
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from estate import Estate
from memory_estate import PASSWORD, memory_chain
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


async def test_a_check_that_fails_for_a_bug_is_told(
    estate: Estate, database: Database, settings: Settings
) -> None:
    chain, authority = await memory_chain(estate, "ssl")
    path = f"/ca-backends/{chain.ca_backend['id']}"
    assert (await estate.api.post(f"{path}/check", status=200))["status"] == "available"
    authority.faults["check"] = deque(["break"])
    ring = load_key_ring(settings)
    gateway = Gateway(database, ring, DriverPool())
    upkeep = Upkeep(database, gateway, ring, timedelta(0))
    await upkeep.check(UUID(chain.ca_backend["id"]))
    found = await estate.api.get(path)
    assert found["status"] == "offline"
    assert "log" in found["status_detail"]
    assert PASSWORD not in str(found)
    await upkeep.check(UUID(chain.ca_backend["id"]))
    assert (await estate.api.get(path))["status"] == "available"
