"""Renewing many at once: all get an enrollment or none does, and how far each is is counted."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from approvals import four_eyes
from sqlalchemy import func, select, update

from api_client import faults_of
from csrs import client_csr, csr_for
from estate import Estate, Json
from memory_estate import memory_chain
from scm_api.db.models import BulkRenewal, Enrollment
from scm_api.db.session import Database
from settlement import Enrolling
from simulator import Simulator

PATH = "/bulk-renewals"
NOWHERE = "01980c5e-0000-7c3e-9a51-2f0d3c6b8e10"
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
async def renewable(estate: Estate) -> Enrolling:
    return Enrolling(estate.api, await estate.chain(renew_with_same_key=True))


async def issued(enrolling: Enrolling, number: int) -> list[Json]:
    hosts = (f"host{each}.example.com" for each in range(number))
    return list(await asyncio.gather(*(enrolling.issued(host, term_days=30) for host in hosts)))


def body(*certificates: Json, **more: str) -> Json:
    return {"certificate_ids": [each["id"] for each in certificates]} | more


async def stored(database: Database) -> tuple[int, int]:
    """How many bulk renewals and enrollments there are."""
    async with database.transaction() as session:
        bulks = await session.scalar(select(func.count()).select_from(BulkRenewal))
        enrollments = await session.scalar(select(func.count()).select_from(Enrollment))
    return bulks or 0, enrollments or 0


async def test_each_gets_a_successor_with_its_own_csr_and_term(
    renewable: Enrolling, simulator: Simulator
) -> None:
    certificates = await issued(renewable, 3)
    asked = body(*certificates, certificates[0], comment="before the freeze")
    made = await renewable.api.post(PATH, asked, 202)
    assert made["total"] == 3
    assert made["finished"] is False
    ended = await renewable.until(f"{PATH}/{made['id']}", "finished", True)
    assert ended["progress"]["issued"] == 3
    assert len(simulator.ledger("order")) == 6
    of_it = await renewable.api.everything(f"/enrollments?bulk_renewal_id={made['id']}")
    assert {each["renews_certificate_id"] for each in of_it} == {c["id"] for c in certificates}
    for each in of_it:
        [before] = [c for c in certificates if c["id"] == each["renews_certificate_id"]]
        assert (each["spki_sha256"], each["names"]) == (before["spki_sha256"], before["names"])
        assert (each["term"]["asked_days"], each["comment"]) == (30, "before the freeze")
        assert each["bulk_renewal_id"] == made["id"]
    assert [each["id"] for each in await renewable.api.everything(PATH)] == [made["id"]]
    events = await renewable.api.everything(f"/audit-events?subject_id={made['id']}")
    assert [each["action"] for each in events] == ["bulk_renewal.created"]


async def test_one_that_cannot_be_renewed_keeps_all_of_them(
    renewable: Enrolling, database: Database
) -> None:
    good, revoked, renewed = await issued(renewable, 3)
    await renewable.api.post(f"/certificates/{revoked['id']}/revoke", {"reason": "superseded"}, 202)
    again = {"csr": csr_for("host2.example.com")}
    await renewable.api.post(f"/certificates/{renewed['id']}/renew", again, 202)
    before = await stored(database)
    asked = body(good, {"id": NOWHERE}, revoked, renewed)
    problem = await renewable.api.post(PATH, asked, 422)
    assert faults_of(problem) == {
        ("/certificate_ids/1", "reference-not-found"),
        ("/certificate_ids/2", "wrong-state"),
        ("/certificate_ids/3", "wrong-state"),
    }
    assert await stored(database) == before


async def test_what_the_profile_says_today_is_what_counts(
    renewable: Enrolling, estate: Estate
) -> None:
    [certificate] = await issued(renewable, 1)
    path = f"/certificate-profiles/{renewable.chain.profile['id']}"
    await estate.api.patch(path, {"renew_with_same_key": False, "allow_renew": False})
    domain = f"/organizations/{renewable.chain.organization['id']}/domains"
    for owned in await estate.api.everything(domain):
        await estate.api.delete(f"{domain}/{owned['id']}")
    problem = await renewable.api.post(PATH, body(certificate), 422)
    assert {code for _, code in faults_of(problem)} == {
        "key-reused",
        "renew-not-allowed",
        "name-not-allowed",
    }
    assert {pointer for pointer, _ in faults_of(problem)} == {"/certificate_ids/0"}


async def test_two_at_once_renew_each_certificate_once(
    renewable: Enrolling, simulator: Simulator
) -> None:
    certificates = await issued(renewable, 4)
    turned = list(reversed(certificates))
    answers = await asyncio.gather(
        *(renewable.api.send("POST", PATH, json=body(*each)) for each in (certificates, turned))
    )
    assert sorted(each.status_code for each in answers) == [202, 422]
    [made] = [each.json() for each in answers if each.status_code == 202]
    await renewable.until(f"{PATH}/{made['id']}", "finished", True)
    assert len(simulator.ledger("order")) == 8


async def test_a_renewal_nobody_answered_in_time_does_not_stand_in_the_way(
    estate: Estate, database: Database
) -> None:
    eyes = await four_eyes(estate, requires_approval=True, renew_with_same_key=True)
    made = await eyes.requester.post("/enrollments", eyes.enrolling.body("www.example.com"), 202)
    await eyes.decide(f"/enrollments/{made['id']}")
    certificate = {"id": (await eyes.enrolling.settled(made["id"]))["certificate_id"]}
    first = await eyes.requester.post(PATH, body(certificate), 202)
    assert first["progress"]["pending_approval"] == 1
    await eyes.requester.post(PATH, body(certificate), 422)
    past = datetime.now(UTC) - timedelta(seconds=1)
    theirs = update(Enrollment).where(Enrollment.bulk_renewal_id == UUID(first["id"]))
    async with database.transaction() as session:
        await session.execute(theirs.values(approval_expires_at=past))
    over = await eyes.requester.get(f"{PATH}/{first['id']}")
    assert (over["progress"]["canceled"], over["finished"]) == (1, True)
    second = await eyes.requester.post(PATH, body(certificate), 202)
    assert second["progress"]["pending_approval"] == 1


async def test_a_person_gets_no_more_certificates_than_the_profile_allows(
    estate: Estate, database: Database
) -> None:
    limits = {"max_valid_certificates": 2, "auto_revoke": False, "renew_with_same_key": True}
    chain, _ = await memory_chain(estate, "client", **limits)
    enrolling = Enrolling(estate.api, chain)
    certificates = [await enrolling.issued(csr=client_csr("ada@example.com")) for _ in range(2)]
    before = await stored(database)
    problem = await enrolling.api.post(PATH, body(*certificates), 422)
    assert faults_of(problem) == {
        ("/certificate_ids/0", "limit-reached"),
        ("/certificate_ids/1", "limit-reached"),
    }
    assert await stored(database) == before


async def test_lists_without_end_or_beginning_are_refused(renewable: Enrolling) -> None:
    for number, code in ((0, "too-short"), (101, "too-long")):
        problem = await renewable.api.post(PATH, {"certificate_ids": [NOWHERE] * number}, 422)
        assert faults_of(problem) == {("/certificate_ids", code)}


async def test_a_repeat_with_the_same_key_is_the_same_bulk_renewal(
    renewable: Enrolling, database: Database
) -> None:
    [certificate] = await issued(renewable, 1)
    headers = {"Idempotency-Key": "before-the-freeze"}
    answers = [
        await renewable.api.send("POST", PATH, 202, json=body(certificate), headers=headers)
        for _ in range(2)
    ]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert await stored(database) == (1, 2)
