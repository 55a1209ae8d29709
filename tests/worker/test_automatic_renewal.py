"""Renewals by the service itself: once, of what is due, and with a reason where it cannot."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update

from api_client import faults_of
from estate import Estate, Json
from memory_estate import memory_chain
from scm_api.core.renewal_window import opens_at
from scm_api.core.weak_keys import KeyChecks
from scm_api.db.models import Certificate, Enrollment
from scm_api.db.session import Database
from scm_api.settings import Settings
from scm_api.worker.process import working
from scm_api.worker.renewal import Renewals
from settlement import Enrolling
from simulator import Simulator

WWW = "www.example.com"
SWITCHES = {"renew_with_same_key": True, "auto_renew": True}


async def at_work(settings: Settings, enrolling: Enrolling, *enrollment_ids: str) -> list[Json]:
    """What becomes of enrollments while a worker runs."""
    async with working(settings) as queue:
        running = asyncio.create_task(queue.run())
        settled = [await enrolling.settled(each) for each in enrollment_ids]
        queue.stop()
        await running
    return settled


async def issued(settings: Settings, enrolling: Enrolling) -> Json:
    made = await enrolling.enroll(WWW)
    [enrollment] = await at_work(settings, enrolling, made["id"])
    found: Json = await enrolling.api.get(f"/certificates/{enrollment['certificate_id']}")
    return found


async def change(database: Database, certificate: Json, **values: Any) -> None:
    """Let the row of a certificate say so."""
    one = update(Certificate).where(Certificate.id == UUID(certificate["id"]))
    async with database.transaction() as session:
        await session.execute(one.values(values))


async def age(database: Database, certificate: Json, left: timedelta) -> None:
    """Let a life of 90 days end after this time."""
    not_after = datetime.now(UTC) + left
    not_before = not_after - timedelta(days=90)
    opens = opens_at(not_before, not_after)
    life = {"not_before": not_before, "not_after": not_after, "renewal_opens_at": opens}
    await change(database, certificate, **life)


async def due(settings: Settings, enrolling: Enrolling, database: Database) -> Json:
    """A certificate in its last 20 days of 90."""
    certificate = await issued(settings, enrolling)
    await age(database, certificate, timedelta(days=20))
    return certificate


async def renewed(
    settings: Settings, enrolling: Enrolling, database: Database, renewals: Renewals
) -> tuple[Json, Json]:
    """A certificate that was due, and the enrollment by which it was renewed."""
    certificate = await due(settings, enrolling, database)
    assert await renewals.renew_due() == 1
    [made] = await successors(enrolling, certificate)
    [ended] = await at_work(settings, enrolling, made["id"])
    return certificate, ended


async def tomorrow(database: Database, certificate: Json) -> None:
    """Let a day pass since the service last looked at renewing it."""
    await change(database, certificate, renewal_tried_at=func.now() - timedelta(days=1))


async def revoke(settings: Settings, enrolling: Enrolling, certificate_id: str) -> None:
    path = f"/certificates/{certificate_id}"
    async with working(settings) as queue:
        running = asyncio.create_task(queue.run())
        await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
        await enrolling.until(path, "revocation.state", "done")
        queue.stop()
        await running


@pytest.fixture
async def enrolling(estate: Estate) -> Enrolling:
    return Enrolling(estate.api, await estate.chain(**SWITCHES))


@pytest.fixture
def renewals(database: Database) -> Renewals:
    return Renewals(database, KeyChecks(), timedelta(days=7))


async def successors(enrolling: Enrolling, certificate: Json) -> list[Json]:
    everything = await enrolling.api.everything("/enrollments")
    return [each for each in everything if each["renews_certificate_id"] == certificate["id"]]


async def test_what_is_due_is_renewed_once_from_its_own_csr(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    old = await issued(settings, enrolling)
    assert await renewals.renew_due() == 0, "not due yet"
    await age(database, old, timedelta(days=20))
    assert await renewals.renew_due() == 1
    [made] = await successors(enrolling, old)
    assert made["spki_sha256"] == old["spki_sha256"]
    assert made["names"] == old["names"]
    first = await enrolling.api.get(f"/enrollments/{old['enrollment_id']}")
    assert made["requester_id"] == first["requester_id"]
    [ended] = await at_work(settings, enrolling, made["id"])
    assert ended["state"] == "issued"
    assert await renewals.renew_due() == 0
    assert len(await successors(enrolling, old)) == 1
    events = await enrolling.api.everything(f"/audit-events?subject_id={made['id']}")
    assert events[-1]["action"] == "enrollment.created"
    assert events[-1]["principal_id"] is None


async def test_of_many_workers_one_renews(
    enrolling: Enrolling, settings: Settings, database: Database
) -> None:
    old = await due(settings, enrolling, database)
    workers = [Renewals(database, KeyChecks(), timedelta(days=7)) for _ in range(8)]
    looked_at = await asyncio.gather(*(each.renew_due() for each in workers))
    assert sum(looked_at) == 1
    assert len(await successors(enrolling, old)) == 1


async def test_what_somebody_renews_already_is_left_alone(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    old = await due(settings, enrolling, database)
    body = {"csr": enrolling.body(WWW)["csr"]}
    await enrolling.api.post(f"/certificates/{old['id']}/renew", body, 202)
    await renewals.renew_due()
    assert len(await successors(enrolling, old)) == 1


@pytest.mark.parametrize(
    "switch", [{"auto_renew": False}, {"enabled": False}], ids=["not asked for", "disabled"]
)
async def test_the_profile_of_today_decides(
    enrolling: Enrolling,
    renewals: Renewals,
    settings: Settings,
    database: Database,
    switch: Json,
) -> None:
    old = await due(settings, enrolling, database)
    await enrolling.api.patch(f"/certificate-profiles/{enrolling.chain.profile['id']}", switch)
    assert await renewals.renew_due() == 0
    assert await successors(enrolling, old) == []


async def test_what_is_revoked_or_expired_is_not_renewed(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    old = await issued(settings, enrolling)
    await age(database, old, timedelta(seconds=-1))
    assert await renewals.renew_due() == 0
    await age(database, old, timedelta(days=20))
    await enrolling.api.post(f"/certificates/{old['id']}/revoke", {"reason": "superseded"}, 202)
    assert await renewals.renew_due() == 0


async def test_what_keeps_it_from_renewing_is_told_and_it_tries_again(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    old = await due(settings, enrolling, database)
    organization = f"/organizations/{enrolling.chain.organization['id']}"
    for domain in await enrolling.api.everything(f"{organization}/domains"):
        await enrolling.api.delete(f"{organization}/domains/{domain['id']}")
    assert await renewals.renew_due() == 1
    path = f"/certificates/{old['id']}"
    assert "www.example.com" in (await enrolling.api.get(path))["renewal_problem"]
    events = await enrolling.api.everything(f"/audit-events?subject_id={old['id']}")
    assert [event["action"] for event in events] == ["certificate.renewal_refused"]
    assert await renewals.renew_due() == 0, "not before some time has passed"
    await enrolling.api.post(f"{organization}/domains", {"name": "*.example.com"})
    await tomorrow(database, old)
    assert await renewals.renew_due() == 1
    assert (await enrolling.api.get(path))["renewal_problem"] is None
    assert len(await successors(enrolling, old)) == 1


async def test_a_wrong_successor_is_told_and_renewed_anew_once_somebody_looked(
    enrolling: Enrolling,
    renewals: Renewals,
    settings: Settings,
    database: Database,
    simulator: Simulator,
) -> None:
    old = await due(settings, enrolling, database)
    assert await renewals.renew_due() == 1
    [made] = await successors(enrolling, old)
    simulator.fault("IssueCertificate", "mutate_issue", mutation="added_name")
    [parked] = await at_work(settings, enrolling, made["id"])
    assert parked["reason_code"] == "certificate-quarantined"
    for revoked in (False, True):
        if revoked:
            await revoke(settings, enrolling, parked["certificate_id"])
        await tomorrow(database, old)
        assert await renewals.renew_due() == 1
        problem = (await enrolling.api.get(f"/certificates/{old['id']}"))["renewal_problem"]
        assert f"Enrollment {made['id']}, which is to renew it, is parked" in problem
        assert len(await successors(enrolling, old)) == 1
    events = await enrolling.api.everything(f"/audit-events?subject_id={old['id']}")
    assert [each["action"] for each in events] == ["certificate.renewal_refused"] * 2
    await enrolling.api.post(f"/enrollments/{made['id']}/cancel", {"comment": "found"}, 200)
    await tomorrow(database, old)
    assert await renewals.renew_due() == 1
    [again, _] = await successors(enrolling, old)
    assert again["state"] == "approved"
    assert (await enrolling.api.get(f"/certificates/{old['id']}"))["renewal_problem"] is None


async def test_what_was_issued_and_revoked_is_renewed_anew(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    old, ended = await renewed(settings, enrolling, database, renewals)
    await tomorrow(database, old)
    assert await renewals.renew_due() == 0
    await revoke(settings, enrolling, ended["certificate_id"])
    looked_at = await asyncio.gather(*(renewals.renew_due() for _ in range(4)))
    assert sum(looked_at) == 1
    [again, _] = await successors(enrolling, old)
    assert again["state"] == "approved"
    await tomorrow(database, old)
    await renewals.renew_due()
    assert len(await successors(enrolling, old)) == 2


async def test_what_follows_a_revoked_successor_counts(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    old, ended = await renewed(settings, enrolling, database, renewals)
    await revoke(settings, enrolling, ended["certificate_id"])
    await tomorrow(database, old)
    path = f"/certificates/{ended['certificate_id']}/renew"
    further = await enrolling.api.post(path, {"csr": enrolling.body(WWW)["csr"]}, 202)
    assert await renewals.renew_due() == 1
    assert len(await successors(enrolling, old)) == 1, "it is on its way"
    [last] = await at_work(settings, enrolling, further["enrollment_id"])
    await tomorrow(database, old)
    assert await renewals.renew_due() == 0
    assert await enrolling.api.everything("/certificates?renewal_due=true") == []
    found = await enrolling.api.get(f"/certificates/{old['id']}/renewal-info")
    assert found["renewed_by_certificate_ids"] == [last["certificate_id"]]


async def test_what_happens_to_a_successor_meanwhile_is_waited_for(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    old, ended = await renewed(settings, enrolling, database, renewals)
    await revoke(settings, enrolling, ended["certificate_id"])
    await tomorrow(database, old)
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    one = update(Certificate).where(Certificate.id == UUID(ended["certificate_id"]))
    async with database.transaction() as session:
        await session.execute(one.values(revocation_state=None))
        looking = asyncio.create_task(renewals.renew_due())
        for _ in range(400):
            if looking.done() or await session.scalar(waiting):
                break
            await asyncio.sleep(0.05)
    await looking
    assert len(await successors(enrolling, old)) == 1


async def test_what_was_given_back_is_not_renewed(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    old = await due(settings, enrolling, database)
    path = "/certificates?renewal_due=true"
    assert len(await enrolling.api.everything(path)) == 1
    await change(database, old, deactivated_at=func.now())
    assert await renewals.renew_due() == 0
    assert await enrolling.api.everything(path) == []


async def test_a_profile_that_is_for_another_type_today_is_told(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    old = await due(settings, enrolling, database)
    await change(database, old, certificate_type="device")
    assert await renewals.renew_due() == 1
    problem = (await enrolling.api.get(f"/certificates/{old['id']}"))["renewal_problem"]
    assert "The certificate is of type device" in problem
    assert await successors(enrolling, old) == []


async def test_t44_approval_is_asked_for(
    enrolling: Enrolling, renewals: Renewals, settings: Settings, database: Database
) -> None:
    old = await due(settings, enrolling, database)
    profile = f"/certificate-profiles/{enrolling.chain.profile['id']}"
    await enrolling.api.patch(profile, {"requires_approval": True})
    assert await renewals.renew_due() == 1
    [made] = await successors(enrolling, old)
    assert made["state"] == "pending_approval"
    path = f"/enrollments/{made['id']}/approve"
    await enrolling.api.send("POST", path, 403, json={}, headers={"If-Match": "*"})


async def test_t44_whoever_knew_the_key_it_was_first_asked_with_still_counts(
    estate: Estate, renewals: Renewals, settings: Settings, database: Database
) -> None:
    _, key = await estate.api_key()
    enrolling = Enrolling(estate.api.as_key(key["key"]), await estate.chain(**SWITCHES))
    await due(settings, enrolling, database)
    assert await renewals.renew_due() == 1
    async with database.transaction() as session:
        first, again = await session.scalars(select(Enrollment.requester_known_to))
    assert first == again != []


async def test_it_takes_renewals_and_the_same_key(estate: Estate) -> None:
    chain = await estate.chain()
    path = f"/certificate-profiles/{chain.profile['id']}"
    problem = await estate.api.patch(path, {"auto_renew": True}, 422)
    assert faults_of(problem) == {("/auto_renew", "auto-renew-not-possible")}
    await estate.api.patch(path, SWITCHES)


async def test_it_takes_room_for_a_second_certificate(estate: Estate) -> None:
    """Who may have one has it until it ends: every renewal would be refused."""
    chain, _ = await memory_chain(estate, "client", max_valid_certificates=1)
    path = f"/certificate-profiles/{chain.profile['id']}"
    problem = await estate.api.patch(path, SWITCHES, 422)
    assert faults_of(problem) == {("/auto_renew", "auto-renew-not-possible")}
    await estate.api.patch(path, SWITCHES | {"auto_revoke": True})
    await estate.api.patch(path, SWITCHES | {"auto_revoke": False, "max_valid_certificates": 2})
