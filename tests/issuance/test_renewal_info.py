"""When to renew: the window moves with what happens to a certificate and its key."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, update

from api_client import code_of
from csrs import csr_for, new_key
from estate import Estate
from scm_api.core.renewal_window import opens_at
from scm_api.db.models import Certificate
from scm_api.db.session import Database
from settlement import Enrolling

WWW = "www.example.com"

pytestmark = pytest.mark.usefixtures("worker")


async def change(database: Database, certificate: dict[str, Any], **values: Any) -> None:
    statement = update(Certificate).where(Certificate.id == UUID(certificate["id"]))
    async with database.transaction() as session:
        await session.execute(statement.values(**values))


async def age(database: Database, certificate: dict[str, Any], share_left: float) -> None:
    """Move a certificate back in time until this share of a life of 90 days is left."""
    not_after = datetime.now(UTC) + timedelta(days=90) * share_left
    not_before = not_after - timedelta(days=90)
    opens = opens_at(not_before, not_after)
    await change(
        database, certificate, not_before=not_before, not_after=not_after, renewal_opens_at=opens
    )


async def info(enrolling: Enrolling, certificate: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = await enrolling.api.get(
        f"/certificates/{certificate['id']}/renewal-info"
    )
    window = found["suggested_window"]
    assert window["start"] < window["end"]
    return found


async def due(enrolling: Enrolling) -> list[str]:
    listed = await enrolling.api.everything("/certificates?renewal_due=true")
    others = await enrolling.api.everything("/certificates?renewal_due=false")
    everything = await enrolling.api.everything("/certificates")
    assert len(listed) + len(others) == len(everything)
    return [each["id"] for each in listed]


async def test_a_fresh_certificate_waits(enrolling: Enrolling) -> None:
    certificate = await enrolling.issued(WWW)
    path = f"/certificates/{certificate['id']}/renewal-info"
    answer = await enrolling.api.send("GET", path, 200)
    found = answer.json()
    assert found["advice"] == "not_yet"
    assert found["suggested_window"]["start"] == certificate["renewal_opens_at"]
    assert found["suggested_window"]["end"] < certificate["not_after"]
    assert 60 <= int(answer.headers["Retry-After"]) <= 86_400
    assert await due(enrolling) == []


@pytest.mark.parametrize(("left", "advice"), [(0.34, "not_yet"), (0.3, "due"), (0.1, "overdue")])
async def test_the_window_opens_at_a_share_of_life(
    enrolling: Enrolling, database: Database, left: float, advice: str
) -> None:
    certificate = await enrolling.issued(WWW)
    await age(database, certificate, left)
    assert (await info(enrolling, certificate))["advice"] == advice
    assert await due(enrolling) == ([] if advice == "not_yet" else [certificate["id"]])


async def test_a_renewed_certificate_says_so(enrolling: Enrolling, database: Database) -> None:
    old = await enrolling.issued(WWW)
    await age(database, old, 0.1)
    accepted = await enrolling.api.post(
        f"/certificates/{old['id']}/renew", {"csr": csr_for(WWW)}, 202
    )
    new = (await enrolling.settled(accepted["enrollment_id"]))["certificate_id"]
    found = await info(enrolling, old)
    assert (found["advice"], found["renewed_by_certificate_ids"]) == ("renewed", [new])
    assert await due(enrolling) == []
    revoked = {"revocation_state": "done", "revocation_reason": "superseded"}
    await change(database, {"id": new}, **revoked, revocation_requested_at=func.now())
    found = await info(enrolling, old)
    assert (found["advice"], found["renewed_by_certificate_ids"]) == ("overdue", [])
    assert await due(enrolling) == [old["id"]]


async def test_a_revoked_certificate_is_renewed_at_once(enrolling: Enrolling) -> None:
    certificate = await enrolling.issued(WWW)
    path = f"/certificates/{certificate['id']}"
    await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    revoked = await enrolling.until(path, "revocation.state", "done")
    found = await info(enrolling, certificate)
    assert found["advice"] == "now"
    assert found["suggested_window"]["end"] == revoked["revocation"]["requested_at"]
    assert await due(enrolling) == []


async def test_a_blocked_key_makes_every_certificate_of_it_due(enrolling: Enrolling) -> None:
    key = new_key()
    one = await enrolling.issued(csr=csr_for(WWW, key=key))
    other = await enrolling.issued(csr=csr_for(WWW, key=key))
    body = {"reason": "key_compromise"}
    await enrolling.api.post(f"/certificates/{one['id']}/revoke", body, 202)
    await enrolling.until(f"/certificates/{one['id']}", "revocation.state", "done")
    found = await info(enrolling, other)
    assert found["advice"] == "now"
    assert datetime.fromisoformat(found["suggested_window"]["end"]) <= datetime.now(UTC)
    assert await due(enrolling) == [other["id"]]


async def test_a_quarantined_certificate_is_not_renewed(
    enrolling: Enrolling, database: Database
) -> None:
    certificate = await enrolling.issued(WWW)
    await change(database, certificate, quarantined=["Other names."])
    problem = await enrolling.api.get(f"/certificates/{certificate['id']}/renewal-info", 409)
    assert code_of(problem) == "certificate-quarantined"


async def test_what_is_not_there_has_no_window(estate: Estate) -> None:
    await estate.api.get("/certificates/01980c5e-7a10-7c3e-9a51-2f0d3c6b8e99/renewal-info", 404)
