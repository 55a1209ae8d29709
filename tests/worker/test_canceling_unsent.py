"""An order that never reached the CA is taken back, or sent: never both."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, text, update

from api_client import code_of
from estate import Estate
from memory_ca.authority import Authority
from memory_estate import memory_chain
from scm_api.db.models import Enrollment, EnrollmentAttempt
from scm_api.db.rows import AT_LAST
from scm_api.db.session import Database
from scm_api.db.statements import Statement
from scm_api.drivers.pool import DriverPool
from scm_api.gateway.connections import Gateway
from scm_api.secret_keys import load_key_ring
from scm_api.settings import Settings
from scm_api.worker.bulkhead import Bulkhead
from scm_api.worker.changes import Changes
from scm_api.worker.claims import Claim, Lost, take
from scm_api.worker.crash import CrashPoints
from scm_api.worker.issuance import Issuance
from scm_api.worker.limits import Limits
from settlement import Enrolling

ROUNDS = 30  # where chance decides who is first
FORCED_ROUNDS = 10  # where both orders are forced
LEASE = timedelta(minutes=1)
BODY = {"comment": "the CA is away for too long"}
_BLOCKED = Statement(
    text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
)


class Stage:
    """Enrollments whose only order found the CA away, and the worker's next step of them."""

    def __init__(
        self, database: Database, enrolling: Enrolling, authority: Authority, issuance: Issuance
    ) -> None:
        self.database = database
        self.authority = authority
        self._enrolling = enrolling
        self.issuance = issuance

    async def tried(self, *, away: bool = True) -> UUID:
        """A new enrollment after its first step."""
        made = UUID((await self._enrolling.enroll("www.example.com"))["id"])
        self.authority.reachable = not away
        await self.issuance.advance(made)
        self.authority.reachable = True
        return made

    async def is_due(self, enrollment_id: UUID) -> None:
        """It is time for the next step."""
        async with self.database.transaction() as session:
            mine = Enrollment.id == enrollment_id
            await session.execute(update(Enrollment).where(mine).values(due_at=func.now()))

    async def step(self, enrollment_id: UUID) -> None:
        """What a worker does once the next step is due."""
        await self.is_due(enrollment_id)
        await self.issuance.advance(enrollment_id)

    async def cancel(self, enrollment_id: UUID) -> httpx.Response:
        return await self._enrolling.api.send(
            "POST", f"/enrollments/{enrollment_id}/cancel", json=BODY
        )

    async def shown(self, enrollment_id: UUID) -> dict[str, Any]:
        found: dict[str, Any] = await self._enrolling.api.get(f"/enrollments/{enrollment_id}")
        return found

    async def held(self, enrollment_id: UUID) -> Claim:
        """It is claimed, as by a worker that is about to send the order."""
        await self.is_due(enrollment_id)
        async with self.database.each_statement() as connection:
            claim = await take(connection, enrollment_id, LEASE)
        assert isinstance(claim, Claim)
        return claim

    async def in_order(
        self, enrollment_id: UUID, *starts: Callable[[UUID], Awaitable[Any]]
    ) -> list[Any]:
        """All of them stand before the row's lock, in this order, before the first may go on."""
        async with self.database.transaction() as barrier:
            held = select(Enrollment.id).where(Enrollment.id == enrollment_id).with_for_update()
            await barrier.execute(held)
            tasks = []
            for number, start in enumerate(starts, 1):
                tasks.append(asyncio.ensure_future(start(enrollment_id)))
                await self._blocked(number)
        return list(await asyncio.gather(*tasks))

    async def _blocked(self, count: int) -> None:
        async with asyncio.timeout(20), self.database.each_statement() as connection:
            while True:
                (found,) = await _BLOCKED.fetch(connection, {})
                if found["count"] == count:
                    return
                await asyncio.sleep(0.002)


@pytest.fixture
async def stage(estate: Estate, database: Database, settings: Settings) -> AsyncIterator[Stage]:
    """No worker runs but for the steps the test has taken."""
    chain, authority = await memory_chain(estate, "device")
    pool = DriverPool()
    gateway = Gateway(database, load_key_ring(settings), pool)
    limits = Limits(LEASE, timedelta(seconds=20), timedelta(minutes=5), attempts=5)
    issuance = Issuance(database, gateway, limits, CrashPoints(settings), Bulkhead(10))
    yield Stage(database, Enrolling(estate.api, chain), authority, issuance)
    await pool.aclose()


async def attempts(stage: Stage, enrollment_id: UUID) -> list[tuple[bool, str | None]]:
    """Whether each was sent, and its outcome."""
    query = select(EnrollmentAttempt).where(EnrollmentAttempt.enrollment_id == enrollment_id)
    async with stage.database.transaction() as session:
        rows = await session.scalars(query.order_by(EnrollmentAttempt.number))
        return [(row.first_sent_at is not None, row.outcome) for row in rows]


async def test_what_never_reached_the_ca_is_taken_back_at_once(stage: Stage) -> None:
    tried = await stage.tried()
    before = await stage.shown(tried)
    assert (before["state"], before["reason_code"]) == ("submitting", "ca-unavailable")
    answer = await stage.cancel(tried)
    assert answer.status_code == 200, answer.text
    shown = await stage.shown(tried)
    assert (shown["state"], shown["reason_code"], shown["next_step_at"]) == ("canceled", None, None)
    assert shown["version"] == before["version"] + 1
    assert shown["history"][-1]["what"] == "Taken back"
    assert shown["history"][-1]["why"] == BODY["comment"]
    assert await attempts(stage, tried) == [(False, "canceled")]
    await stage.step(tried)
    assert not stage.authority.ledger


async def test_what_may_have_reached_the_ca_is_not_taken_back(stage: Stage) -> None:
    stage.authority.faults["submit"] = deque(["lose"])
    tried = await stage.tried(away=False)
    before = await stage.shown(tried)
    assert (before["state"], before["reason_code"]) == ("submitting", "outcome-unknown")
    answer = await stage.cancel(tried)
    assert (answer.status_code, code_of(answer.json())) == (409, "wrong-state")
    assert "revoke the certificate once it is issued" in answer.json()["detail"]
    assert await stage.shown(tried) == before
    assert await attempts(stage, tried) == [(True, None)]


async def test_what_a_worker_is_about_to_send_is_not_taken_back(stage: Stage) -> None:
    tried = await stage.tried()
    await stage.held(tried)
    answer = await stage.cancel(tried)
    assert (answer.status_code, code_of(answer.json())) == (409, "in-progress")
    assert (await stage.shown(tried))["state"] == "submitting"
    assert await attempts(stage, tried) == [(False, None)]


async def test_f17_a_worker_whose_claim_ran_out_sends_nothing_any_more(stage: Stage) -> None:
    tried = await stage.tried()
    claim = await stage.held(tried)
    async with stage.database.transaction() as session:
        mine = Enrollment.id == tried
        await session.execute(update(Enrollment).where(mine).values(lease_until=func.now()))
    assert (await stage.cancel(tried)).status_code == 200
    intent = Changes(claim)
    intent.write_attempt(first_sent_at=AT_LAST, untraced_at=None)
    with pytest.raises(Lost):
        await intent.commit(stage.database)


@pytest.mark.parametrize("first", ["cancel", "step"])
async def test_f18_whoever_is_first_at_the_row_decides(stage: Stage, first: str) -> None:
    for number in range(1, FORCED_ROUNDS + 1):
        tried = await stage.tried()
        await stage.is_due(tried)
        starts = [stage.cancel, stage.issuance.advance]
        answers = await stage.in_order(tried, *(starts if first == "cancel" else starts[::-1]))
        (answer,) = (each for each in answers if isinstance(each, httpx.Response))
        shown = await stage.shown(tried)
        found = (answer.status_code, shown["state"], len(stage.authority.ledger))
        assert found == ((200, "canceled", 0) if first == "cancel" else (409, "issued", number))


async def test_f18_a_worker_and_whoever_takes_it_back_at_the_same_moment(stage: Stage) -> None:
    outcomes: Counter[str] = Counter()
    for _ in range(ROUNDS):
        tried = await stage.tried()

        async def late(tried: UUID = tried) -> httpx.Response:
            await asyncio.sleep(random.uniform(0, 0.03))
            return await stage.cancel(tried)

        async def step(tried: UUID = tried) -> None:
            await asyncio.sleep(random.uniform(0, 0.03))
            await stage.step(tried)

        answer, _ = await asyncio.gather(late(), step())
        state = (await stage.shown(tried))["state"]
        assert (answer.status_code, state) in {(200, "canceled"), (409, "issued")}, answer.text
        outcomes[state] += 1
        assert len(stage.authority.ledger) == outcomes["issued"], "one order for each, no more"
        assert len(await attempts(stage, tried)) == 1
    assert set(outcomes) == {"canceled", "issued"}, "both came about"
