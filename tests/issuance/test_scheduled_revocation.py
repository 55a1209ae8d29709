"""Revocations that take effect later: not before, once, and taken back until then."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from approvals import FourEyes, four_eyes
from sqlalchemy import select, update

from api_client import code_of, faults_of, moment
from estate import Estate, Json
from scm_api.db.models import Certificate
from scm_api.db.session import Database
from settlement import Enrolling
from simulator import Simulator

WWW = "www.example.com"
pytestmark = pytest.mark.usefixtures("worker")


def ahead(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


async def schedule(enrolling: Enrolling, path: str, at: str, status: int = 202) -> Json:
    body = {"reason": "cessation_of_operation", "effective_at": at}
    said: Json = await enrolling.api.post(f"{path}/revoke", body, status)
    return said


async def cancel(enrolling: Enrolling, path: str, status: int = 200) -> Json:
    version = (await enrolling.api.get(path))["version"]
    headers = {"If-Match": f'"{version}"'}
    body = {"comment": "the server stays"}
    said: Json = await enrolling.api.post(
        f"{path}/revocation/cancel", body, status, headers=headers
    )
    return said


@pytest.fixture
async def path(enrolling: Enrolling) -> str:
    """A certificate."""
    return f"/certificates/{(await enrolling.issued(WWW))['id']}"


async def test_the_ca_is_told_when_the_time_has_come_and_not_before(
    enrolling: Enrolling, path: str, simulator: Simulator
) -> None:
    at = ahead(seconds=3)
    said = await schedule(enrolling, path, at)
    assert (said["status"], said["revocation"]["state"]) == ("valid", "scheduled")
    assert datetime.fromisoformat(said["revocation"]["effective_at"]) == datetime.fromisoformat(at)
    await asyncio.sleep(1)
    assert simulator.ledger("revocation") == []
    done = await enrolling.until(path, "revocation.state", "done")
    assert moment(done["revocation"]["revoked_at"]) >= moment(done["revocation"]["effective_at"])
    assert len(simulator.ledger("revocation")) == 1


async def test_what_is_taken_back_is_not_revoked(
    enrolling: Enrolling, path: str, simulator: Simulator
) -> None:
    await schedule(enrolling, path, ahead(seconds=2))
    said = await cancel(enrolling, path)
    assert (said["revocation"]["state"], said["revocation"]["detail"]) == (
        "canceled",
        "the server stays",
    )
    await asyncio.sleep(3)
    assert simulator.ledger("revocation") == []
    assert (await enrolling.api.get(path))["status"] == "valid"
    assert code_of(await cancel(enrolling, path, 409)) == "wrong-state"
    await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    await enrolling.until(path, "revocation.state", "done")
    assert code_of(await cancel(enrolling, path, 409)) == "wrong-state"


async def test_it_is_not_sent_while_somebody_is_taking_it_back(
    enrolling: Enrolling, path: str, simulator: Simulator, database: Database
) -> None:
    await schedule(enrolling, path, ahead(seconds=1))
    this = Certificate.id == UUID(path.rpartition("/")[2])
    async with database.transaction() as session:
        row = (await session.scalars(select(Certificate).where(this).with_for_update())).one()
        await asyncio.sleep(3)  # its time comes, and the worker with it
        row.revocation_state = "canceled"
    await asyncio.sleep(1)
    assert simulator.ledger("revocation") == []
    assert (await enrolling.api.get(path))["revocation"]["state"] == "canceled"


async def test_what_is_asked_for_later_takes_its_place(
    enrolling: Enrolling, path: str, simulator: Simulator
) -> None:
    at = ahead(days=3)
    first = await schedule(enrolling, path, at)
    assert await schedule(enrolling, path, at) == first, "a repeat changes nothing"
    moved = await schedule(enrolling, path, ahead(days=5))
    assert moment(moved["revocation"]["effective_at"]) > moment(first["revocation"]["effective_at"])
    now = await enrolling.api.post(f"{path}/revoke", {"reason": "key_compromise"}, 202)
    assert now["revocation"]["state"] == "requested"
    assert now["revocation"]["effective_at"] is None
    await enrolling.until(path, "revocation.state", "done")
    assert len(simulator.ledger("revocation")) == 1


async def test_a_time_that_has_come_is_seen_without_a_worker(
    enrolling: Enrolling, path: str, database: Database
) -> None:
    await schedule(enrolling, path, ahead(days=3))
    one = update(Certificate).where(Certificate.id == UUID(path.rpartition("/")[2]))
    past = datetime.now(UTC) - timedelta(seconds=1)
    async with database.transaction() as session:
        await session.execute(one.values(revocation_effective_at=past))
    assert (await enrolling.api.get(path))["revocation"]["state"] == "requested"
    assert code_of(await cancel(enrolling, path, 409)) == "wrong-state"
    info = await enrolling.api.get(f"{path}/renewal-info")
    assert info["advice"] == "now"


async def test_it_is_renewed_in_time_for_its_revocation(enrolling: Enrolling, path: str) -> None:
    before = await enrolling.api.get(f"{path}/renewal-info")
    said = await schedule(enrolling, path, ahead(days=20))
    info = await enrolling.api.get(f"{path}/renewal-info")
    assert info["suggested_window"]["end"] < said["revocation"]["effective_at"]
    assert info["suggested_window"]["end"] < before["suggested_window"]["start"]


@pytest.mark.parametrize("days", [-1, 400])
async def test_times_that_are_not_possible_are_refused(
    enrolling: Enrolling, path: str, days: int
) -> None:
    problem = await schedule(enrolling, path, ahead(days=days), 422)
    assert faults_of(problem) == {("/effective_at", "effective-at-not-possible")}
    assert (await enrolling.api.get(path))["revocation"] is None


async def test_approval_comes_before_the_schedule(estate: Estate, simulator: Simulator) -> None:
    switches = {"requires_approval": False, "revocation_requires_approval": True}
    eyes = await four_eyes(estate, **switches)
    certificate = await eyes.enrolling.issued(WWW)
    path = f"/certificates/{certificate['id']}"
    said = await schedule(eyes.enrolling, path, ahead(seconds=4))
    assert said["revocation"]["state"] == "pending_approval"
    assert (await eyes.decide(path)).json()["revocation"]["state"] == "scheduled"
    assert simulator.ledger("revocation") == []
    await eyes.enrolling.until(path, "revocation.state", "done")


async def scheduled_and_approved(estate: Estate) -> tuple[FourEyes, str]:
    """A certificate whose revocation is in three days, as a second person agreed."""
    switches = {"requires_approval": False, "revocation_requires_approval": True}
    eyes = await four_eyes(estate, **switches)
    path = f"/certificates/{(await eyes.enrolling.issued(WWW))['id']}"
    await schedule(eyes.enrolling, path, ahead(days=3))
    await eyes.decide(path, status=202)
    return eyes, path


async def test_what_was_approved_is_not_lost_by_asking_again(estate: Estate) -> None:
    eyes, path = await scheduled_and_approved(estate)
    before = await eyes.requester.get(path)
    again = await schedule(eyes.enrolling, path, before["revocation"]["effective_at"])
    assert again == before, "a repeat changes nothing"
    problem = await schedule(eyes.enrolling, path, ahead(days=5), 409)
    assert code_of(problem) == "wrong-state"
    at_once = await eyes.requester.post(f"{path}/revoke", {"reason": "superseded"}, 409)
    assert "Take it back" in at_once["detail"]
    body = {"certificate_ids": [before["id"]], "reason": "superseded"}
    problem = await eyes.requester.post("/bulk-revocations", body, 422)
    assert faults_of(problem) == {("/certificate_ids/0", "wrong-state")}
    assert await eyes.requester.get(path) == before
    await cancel(eyes.enrolling, path)
    sooner = await schedule(eyes.enrolling, path, ahead(days=1))
    assert sooner["revocation"]["state"] == "pending_approval"


@pytest.mark.parametrize("bulk", [False, True])
async def test_a_compromised_key_takes_the_place_of_what_was_approved(
    estate: Estate, bulk: bool
) -> None:
    eyes, path = await scheduled_and_approved(estate)
    if bulk:
        body = {"certificate_ids": [path.rpartition("/")[2]], "reason": "key_compromise"}
        await eyes.requester.post("/bulk-revocations", body, 202)
    else:
        await eyes.requester.post(f"{path}/revoke", {"reason": "key_compromise"}, 202)
    found = (await eyes.requester.get(path))["revocation"]
    assert (found["state"], found["reason"]) == ("pending_approval", "key_compromise")
    await eyes.decide(path, status=202)
    await eyes.enrolling.until(path, "revocation.state", "done")


async def test_a_request_is_taken_back_before_anybody_answered(estate: Estate) -> None:
    switches = {"requires_approval": False, "revocation_requires_approval": True}
    eyes = await four_eyes(estate, **switches)
    path = f"/certificates/{(await eyes.enrolling.issued(WWW))['id']}"
    await eyes.requester.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    said = await cancel(eyes.enrolling, path)
    assert said["revocation"]["state"] == "canceled"
    assert (await eyes.decide(path)).status_code == 409
