"""Revoking many at once: all are stored or none, and the CAs' word is counted."""

import asyncio

import pytest
from approvals import four_eyes
from sqlalchemy import func, select

from api_client import faults_of
from csrs import csr_for
from estate import Estate, Json
from scm_api.db.models import BulkRevocation, Certificate
from scm_api.db.session import Database
from settlement import Enrolling
from simulator import Simulator

PATH = "/bulk-revocations"
NOWHERE = "01980c5e-0000-7c3e-9a51-2f0d3c6b8e10"
pytestmark = pytest.mark.usefixtures("worker")


async def issued(enrolling: Enrolling, number: int) -> list[Json]:
    """So many certificates."""
    hosts = (f"host{each}.example.com" for each in range(number))
    return list(await asyncio.gather(*(enrolling.issued(host) for host in hosts)))


def body(*certificates: Json, reason: str = "superseded") -> Json:
    return {"certificate_ids": [each["id"] for each in certificates], "reason": reason}


async def test_each_is_revoked_at_the_ca_once_and_counted(
    enrolling: Enrolling, simulator: Simulator
) -> None:
    certificates = await issued(enrolling, 4)
    before = certificates[0]
    path = f"/certificates/{before['id']}"
    await enrolling.api.post(f"{path}/revoke", {"reason": "cessation_of_operation"}, 202)
    await enrolling.until(path, "revocation.state", "done")
    asked = body(*certificates, certificates[1])
    made = await enrolling.api.post(PATH, asked, 202)
    assert (made["total"], made["finished"]) == (4, False)
    assert (made["progress"]["done"], made["progress"]["requested"]) == (1, 3)
    ended = await enrolling.until(f"{PATH}/{made['id']}", "finished", True)
    assert ended["progress"]["done"] == 4
    assert len(simulator.ledger("revocation")) == 4
    listed = await enrolling.api.everything(f"/certificates?bulk_revocation_id={made['id']}")
    assert {each["id"] for each in listed} == {each["id"] for each in certificates}
    reasons = [each["revocation"]["reason"] for each in listed]
    assert sorted(reasons) == ["cessation_of_operation", *["superseded"] * 3]
    assert [each["id"] for each in await enrolling.api.everything(PATH)] == [made["id"]]
    events = await enrolling.api.everything(f"/audit-events?subject_id={certificates[1]['id']}")
    assert events[-1]["details"]["bulk_revocation_id"] == made["id"]
    assert len(events) == 2


async def test_one_that_is_not_there_keeps_all_of_them(
    enrolling: Enrolling, database: Database
) -> None:
    [certificate] = await issued(enrolling, 1)
    asked = body(certificate, {"id": NOWHERE}) | {"certificates": 7}
    assert ("/certificates", "unknown-field") in faults_of(
        await enrolling.api.post(PATH, asked, 422)
    )
    asked = body({"id": NOWHERE}, certificate, {"id": NOWHERE})
    problem = await enrolling.api.post(PATH, asked, 422)
    assert faults_of(problem) == {
        ("/certificate_ids/0", "reference-not-found"),
        ("/certificate_ids/2", "reference-not-found"),
    }
    async with database.transaction() as session:
        assert not await session.scalar(select(func.count()).select_from(BulkRevocation))
        assert await session.scalar(select(Certificate.revocation_state)) is None


async def test_lists_without_end_or_beginning_are_refused(enrolling: Enrolling) -> None:
    for number, code in ((0, "too-short"), (501, "too-long")):
        asked = {"certificate_ids": [NOWHERE] * number, "reason": "superseded"}
        problem = await enrolling.api.post(PATH, asked, 422)
        assert faults_of(problem) == {("/certificate_ids", code)}


async def test_compromised_keys_are_blocked(enrolling: Enrolling) -> None:
    certificates = await issued(enrolling, 2)
    made = await enrolling.api.post(PATH, body(*certificates, reason="key_compromise"), 202)
    blocked = await enrolling.api.everything("/audit-events?action=certificate.key_blocked")
    assert {each["subject_id"] for each in blocked} == {each["id"] for each in certificates}
    assert {each["details"]["bulk_revocation_id"] for each in blocked} == {made["id"]}
    for each in certificates:
        info = await enrolling.api.get(f"/certificates/{each['id']}/renewal-info")
        assert info["advice"] == "now"


async def test_a_repeat_with_the_same_key_is_the_same_bulk_revocation(
    enrolling: Enrolling, database: Database
) -> None:
    [certificate] = await issued(enrolling, 1)
    headers = {"Idempotency-Key": "closing-the-data-centre"}
    answers = [
        await enrolling.api.send("POST", PATH, 202, json=body(certificate), headers=headers)
        for _ in range(2)
    ]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(BulkRevocation)) == 1


async def test_t42_each_waits_for_approval_where_its_profile_says_so(
    estate: Estate, simulator: Simulator
) -> None:
    switches = {"requires_approval": False, "revocation_requires_approval": True}
    eyes = await four_eyes(estate, **switches)
    [certificate] = await issued(eyes.enrolling, 1)
    made = await eyes.requester.post(PATH, body(certificate), 202)
    assert made["progress"]["pending_approval"] == 1
    path = f"/certificates/{certificate['id']}"
    assert (await eyes.decide(path, by=eyes.requester)).status_code == 403
    assert simulator.ledger("revocation") == []
    assert (await eyes.decide(path)).status_code == 202
    await eyes.enrolling.until(f"{PATH}/{made['id']}", "progress.done", 1)


@pytest.mark.parametrize("at_once", [True, False], ids=["bulk", "single"])
async def test_a_key_found_to_be_compromised_later_is_blocked_all_the_same(
    enrolling: Enrolling, at_once: bool
) -> None:
    csr = csr_for("www.example.com")
    certificate = await enrolling.issued(csr=csr)
    path = f"/certificates/{certificate['id']}"
    await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    before = await enrolling.until(path, "revocation.state", "done")
    told = {"comment": "leaked on github"}
    for _ in range(2):
        if at_once:
            bulk = body(certificate, reason="key_compromise") | told
            await enrolling.api.post(PATH, bulk, 202)
        else:
            asked = told | {"reason": "key_compromise"}
            answer = await enrolling.api.post(f"{path}/revoke", asked, 200)
            assert answer["key_blocked"] is True
    after = await enrolling.api.get(path)
    changed = {"key_blocked": True, "version": before["version"] + 1}
    assert after == before | changed, "a repeat changes nothing"
    problem = await enrolling.api.post("/enrollments", enrolling.body(csr=csr), 422)
    assert ("/csr", "key-blocked") in faults_of(problem)
    events = await enrolling.api.everything(f"/audit-events?subject_id={certificate['id']}")
    assert [each["action"].partition(".")[2] for each in reversed(events)] == [
        "revocation_requested",
        "revoked",
        "key_blocked",
    ]
    details = events[0]["details"]
    assert details.items() >= (told | {"reason": "key_compromise"}).items()
    assert details["spki_sha256"] == certificate["spki_sha256"]
    assert events[0]["principal_id"]


async def test_a_waiting_revocation_becomes_one_for_key_compromise(estate: Estate) -> None:
    switches = {"requires_approval": False, "revocation_requires_approval": True}
    eyes = await four_eyes(estate, **switches)
    [certificate] = await issued(eyes.enrolling, 1)
    path = f"/certificates/{certificate['id']}"
    await eyes.requester.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    found = await eyes.requester.post(f"{path}/revoke", {"reason": "key_compromise"}, 202)
    assert found["revocation"]["reason"] == "key_compromise"
    assert found["revocation"]["state"] == "pending_approval"
    weaker = await eyes.requester.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    assert weaker["revocation"] == found["revocation"]
