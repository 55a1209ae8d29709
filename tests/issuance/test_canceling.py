"""Orders that the CA has are taken back there, or issued: never both, and never forgotten."""

import asyncio
from collections import deque
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from approvals import at_work
from cryptography import x509
from looking import somebody_waits
from sqlalchemy import func, select, update

from api_client import code_of
from csrs import csr_for
from estate import Estate, Json
from memory_ca.authority import Authority, Wanted
from memory_estate import memory_chain
from scm_api.db.models import Enrollment, EnrollmentAttempt
from scm_api.db.session import Database
from scm_api.settings import Settings
from settlement import PATIENCE, Enrolling

WWW = "www.example.com"
A_DAY = timedelta(days=1)
WHY = {"comment": "ordered by mistake"}


@pytest.fixture
async def held(estate: Estate, settings: Settings) -> tuple[Enrolling, Authority, str]:
    """The path of an enrollment whose order waits at the CA, with no worker running."""
    chain, authority = await memory_chain(estate, "device")
    authority.holding = True
    enrolling = Enrolling(estate.api, chain)
    path = f"/enrollments/{(await enrolling.enroll(WWW))['id']}"
    async with at_work(settings):
        await enrolling.until(path, "state", "pending_ca")
    return enrolling, authority, path


async def told(enrolling: Enrolling, path: str) -> list[str]:
    history: list[Json] = (await enrolling.api.get(path))["history"]
    return [each["what"] for each in history]


async def test_an_adopted_order_that_may_be_anybodys_is_not_taken_back(
    held: tuple[Enrolling, Authority, str], settings: Settings, database: Database
) -> None:
    enrolling, authority, path = held
    csr = x509.load_pem_x509_csr(csr_for("strange.example.com").encode())
    authority.order(Wanted("of-a-stranger", csr, ["client_auth"], datetime.now(UTC) + A_DAY))
    async with database.transaction() as session:
        mine = Enrollment.id == UUID(path.rpartition("/")[2])
        wished = {"state": "parked", "cancel_requested_at": func.now()}
        await session.execute(update(Enrollment).where(mine).values(**wished))
    await enrolling.api.post(f"{path}/adopt", {"ca_ref": "of-a-stranger"}, 200)
    refused = await enrolling.api.send("POST", f"{path}/cancel", 409, json=WHY)
    assert "of-a-stranger" in refused.json()["detail"]
    async with at_work(settings):
        authority.release()
        ended = await enrolling.until(path, "state", "parked")
    assert ended["reason_code"] == "adopted-another"
    assert authority.ledger["of-a-stranger"].leaf is not None


@pytest.mark.parametrize("fault", [None, "lose", "fail", "throttle"])
async def test_the_ca_takes_the_order_back(
    held: tuple[Enrolling, Authority, str], settings: Settings, database: Database, fault: str
) -> None:
    enrolling, authority, path = held
    authority.faults["cancel"] = deque([fault] if fault else [])
    named = {"X-Request-Id": "taking-it-back"}
    said = await enrolling.api.post(f"{path}/cancel", WHY, 202, headers=named)
    assert (said["state"], bool(said["cancel_requested_at"])) == ("pending_ca", True)
    again = await enrolling.api.post(f"{path}/cancel", WHY, 202)
    assert again == said, "a repeat changes nothing"
    waited_for = enrolling.api.post(f"{path}/cancel", WHY, 200, headers=PATIENCE)
    waiting = asyncio.create_task(waited_for)
    await somebody_waits(database)
    async with at_work(settings):
        ended = await waiting
    assert ended["state"] == "canceled"
    assert (ended["certificate_id"], ended["next_step_at"]) == (None, None)
    authority.release()
    assert [entry.leaf for entry in authority.ledger.values()] == [None]
    assert (await told(enrolling, path))[-2:] == [
        "Taken back: the CA is asked to cancel it",
        "Taken back",
    ]
    assert (await enrolling.api.get(path))["history"][-2]["why"] == WHY["comment"]
    async with database.transaction() as session:
        outcome = await session.scalar(select(EnrollmentAttempt.outcome))
    assert outcome == "canceled"
    [event] = await enrolling.api.everything("/audit-events?action=enrollment.canceled")
    assert event["request_id"] == "taking-it-back"


async def test_a_certificate_that_was_issued_meanwhile_is_kept(
    held: tuple[Enrolling, Authority, str], settings: Settings
) -> None:
    enrolling, authority, path = held
    authority.release()
    await enrolling.api.post(f"{path}/cancel", WHY, 202)
    async with at_work(settings):
        ended = await enrolling.until(path, "state", "issued")
    assert ended["certificate_id"]
    assert "The CA does not cancel it" in await told(enrolling, path)


async def test_where_the_ca_takes_nothing_back_that_is_said(
    estate: Estate, database: Database
) -> None:
    enrolling = Enrolling(estate.api, await estate.chain())
    made = await enrolling.enroll(WWW)
    one = update(Enrollment).where(Enrollment.id == UUID(made["id"]))
    async with database.transaction() as session:
        await session.execute(one.values(state="pending_ca"))
    path = f"/enrollments/{made['id']}"
    refused = await enrolling.api.post(f"{path}/cancel", WHY, 409)
    assert code_of(refused) == "not-supported"
    assert (await enrolling.api.get(path))["cancel_requested_at"] is None
