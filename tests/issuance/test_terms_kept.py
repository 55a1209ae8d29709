"""What was asked and what was granted stand side by side; expiry needs no job to be seen."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, update

from estate import NOWHERE, Estate
from scm_api.db.models import Certificate, Enrollment
from scm_api.db.session import Database
from settlement import Enrolling
from simulator import SHORT_LIVED, Simulator

WWW = "www.example.com"

pytestmark = pytest.mark.usefixtures("worker")


async def change(database: Database, certificate: dict[str, Any], **values: Any) -> None:
    """Move a stored certificate to another place in time."""
    statement = update(Certificate).where(Certificate.id == UUID(certificate["id"]))
    async with database.transaction() as session:
        await session.execute(statement.values(**values))


def reasons(term: dict[str, Any]) -> list[str]:
    return [each["reason"] for each in term["difference"]]


async def test_asked_ordered_and_granted_are_kept(enrolling: Enrolling) -> None:
    certificate = await enrolling.issued(WWW, term_days=90)
    term = certificate["term"]
    assert (term["asked_days"], term["ordered_days"], term["granted_days"]) == (90, 90, 90)
    assert term["granted_not_after"] == certificate["not_after"]
    assert reasons(term) == ["backdating"]
    enrollment = await enrolling.api.get(f"/enrollments/{certificate['enrollment_id']}")
    assert enrollment["term"] == term


async def test_before_it_is_issued_nothing_is_granted(enrolling: Enrolling) -> None:
    dry = await enrolling.api.post("/enrollments/validate", enrolling.body(WWW), 200)
    made = await enrolling.enroll(WWW)
    assert made["term"] == dry["term"]
    assert made["term"]["granted_not_after"] is None
    assert (made["term"]["asked_days"], made["term"]["ordered_days"]) == (None, 30)


async def test_a_default_beyond_the_ca_is_shortened_and_says_so(estate: Estate) -> None:
    options = {"backend_type": "aws", "private_ca": SHORT_LIVED}
    chain = await estate.chain(options=options, term={"allowed_days": [7, 30], "default_days": 30})
    certificate = await Enrolling(estate.api, chain).issued(WWW)
    term = certificate["term"]
    assert (term["asked_days"], term["ordered_days"], term["granted_days"]) == (None, 7, 7)
    assert reasons(term) == ["ca_mode", "backdating"]
    problem = await estate.api.post(
        "/enrollments", Enrolling(estate.api, chain).body(WWW, term_days=30), 422
    )
    assert problem["type"].endswith("term-too-long")


async def test_t51_an_end_that_passed_while_it_waited_is_not_ordered(
    estate: Estate, database: Database, simulator: Simulator
) -> None:
    chain = await estate.chain()
    local = f"/connectors/{chain.connector['id']}/local-ca-backends/{chain.local_ca_backend['id']}"
    await estate.api.patch(local, estate.connection(NOWHERE))
    enrolling = Enrolling(estate.api, chain)
    end = datetime.now(UTC) + timedelta(days=5)
    path = f"/enrollments/{(await enrolling.enroll(WWW, not_after=end.isoformat()))['id']}"
    await enrolling.until(path, "reason_code", "ca-unavailable")
    async with database.transaction() as session:
        await session.execute(update(Enrollment).values(not_after=func.now()))
    await estate.api.patch(local, estate.connection())
    parked = await enrolling.until(path, "state", "parked")
    assert parked["reason_code"] == "term-not-allowed"
    assert simulator.ledger("order") == []


async def test_expiry_is_seen_without_a_job(enrolling: Enrolling, database: Database) -> None:
    certificate = await enrolling.issued(WWW)
    path = f"/certificates/{certificate['id']}"
    await change(database, certificate, not_after=func.now())
    shown = await enrolling.api.get(path)
    assert (shown["status"], shown["version"]) == ("expired", certificate["version"])
    for status, expected in (("expired", [shown]), ("valid", [])):
        assert await enrolling.api.everything(f"/certificates?status={status}") == expected
    events = await enrolling.api.everything(f"/audit-events?subject_id={certificate['id']}")
    assert events == [], "nothing was written to make it so"
    later = datetime.now(UTC) + timedelta(days=1)
    await change(database, certificate, not_after=later)
    assert (await enrolling.api.get(path))["status"] == "valid"
