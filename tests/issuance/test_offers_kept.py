"""What is known of a CA's private CAs is read again: a CA that was out of service comes back."""

import asyncio
from datetime import timedelta

from approvals import at_work
from sqlalchemy import func, update

from api_client import faults_of
from estate import Chain, Estate, Json
from scm_api.db.models import CaBackendHealth, CaChoices
from scm_api.db.session import Database
from scm_api.drivers.pool import DriverPool
from scm_api.gateway.connections import Gateway
from scm_api.secret_keys import load_key_ring
from scm_api.settings import Settings
from scm_api.worker.upkeep import Upkeep
from settlement import Enrolling
from simulator import EC_ISSUING, Simulator

_AUTHORITY = f"/certificate-authorities/{EC_ISSUING.rpartition('/')[2]}"
_REFUSED = {("/certificate_profile_id", "ca-not-usable")}


def _connection(estate: Estate, issue_per_second: int) -> Json:
    made = estate.connection()
    made["options"] |= {"quotas": {"issue_per_second": issue_per_second}}
    return made


async def _refusing(estate: Estate, simulator: Simulator, chain: Chain) -> Enrolling:
    """Enrollments are refused for a CA that is disabled, and back since."""
    simulator.control("PATCH", _AUTHORITY, {"status": "DISABLED"})
    await estate.api.get(f"/ca-backends/{chain.ca_backend['id']}/issuing-cas?refresh=true")
    enrolling = Enrolling(estate.api, chain)
    problem = await estate.api.post("/enrollments", enrolling.body("www.example.com"), 422)
    assert faults_of(problem) == _REFUSED
    simulator.control("PATCH", _AUTHORITY, {"status": "ACTIVE"})
    return enrolling


async def test_a_check_that_finds_a_ca_in_service_lets_it_be_enrolled_from(
    estate: Estate, simulator: Simulator
) -> None:
    chain = await estate.chain()
    enrolling = await _refusing(estate, simulator, chain)
    await estate.api.post(f"/ca-backends/{chain.ca_backend['id']}/check", status=200)
    await enrolling.enroll("www.example.com")


async def test_upkeep_reads_again_what_was_read_a_while_ago(
    estate: Estate, simulator: Simulator, database: Database, settings: Settings
) -> None:
    chain = await estate.chain()
    await estate.api.post(f"/ca-backends/{chain.ca_backend['id']}/check", status=200)
    enrolling = await _refusing(estate, simulator, chain)
    async with database.transaction() as session:
        earlier = func.now() - timedelta(minutes=10)
        await session.execute(update(CaChoices).values(fetched_at=earlier))
        await session.execute(update(CaBackendHealth).values(checked_at=earlier))
    pool = DriverPool()
    ring = load_key_ring(settings)
    gateway = Gateway(database, ring, pool)
    await Upkeep(database, gateway, ring, settings.approval_within).check_backends()
    await pool.aclose()
    await enrolling.enroll("www.example.com")


async def test_a_connection_changed_while_its_ca_is_asked_is_no_ca_that_is_away(
    estate: Estate, simulator: Simulator, settings: Settings
) -> None:
    chain = await estate.chain()
    local = f"/connectors/{chain.connector['id']}/local-ca-backends/{chain.local_ca_backend['id']}"
    enrolling = Enrolling(estate.api, chain)
    path = f"/enrollments/{(await enrolling.enroll('www.example.com'))['id']}"
    await estate.api.patch(local, _connection(estate, 9))  # what is known of the CA is forgotten
    simulator.fault("ListCertificateAuthorities", "delay", seconds=1)
    async with at_work(settings):
        while simulator.control("GET", "/faults")["faults"]:  # noqa: ASYNC110 -- no event tells
            await asyncio.sleep(0.02)
        await estate.api.patch(local, _connection(estate, 8))
        await enrolling.until(path, "state", "issued")
    changes = await estate.api.get("/audit-events?action=ca_backend.status_changed")
    assert "offline" not in {each["details"]["to"] for each in changes["items"]}
