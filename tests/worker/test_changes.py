"""What a step changes is written at once, under the claim, or not at all."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from estate import Chain, Estate
from scm_api.core.errors import Conflict
from scm_api.core.lifecycle import Move
from scm_api.core.recovery import token_of
from scm_api.db.models import Enrollment, EnrollmentAttempt
from scm_api.db.session import Database
from scm_api.db.statements import Statement
from scm_api.drivers.base import Pending
from scm_api.worker import outcomes
from scm_api.worker.changes import Changes
from scm_api.worker.claims import Claim, Lost, take
from settlement import Enrolling

_LEASE = timedelta(minutes=1)
_ACCEPTED = Pending("order-1", timedelta(seconds=1), "a person at the CA")
_TABLES = ("enrollments", "enrollment_attempts", "audit_events", "pgqueuer")
_BLOCKED = Statement(
    text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
)


class Stage:
    """Enrollments that no worker runs."""

    def __init__(self, database: Database, enrolling: Enrolling) -> None:
        self.database = database
        self._enrolling = enrolling

    async def claimed(self) -> Claim:
        """A new enrollment, claimed."""
        made = await self._enrolling.enroll("www.example.com")
        return await self.claim_of(UUID(made["id"]))

    async def claim_of(self, enrollment_id: UUID) -> Claim:
        """A claim; the one before ends with this."""
        async with self.database.transaction() as session:
            await session.execute(
                update(Enrollment).where(Enrollment.id == enrollment_id).values(lease_until=None)
            )
        async with self.database.each_statement() as connection:
            claim = await take(connection, enrollment_id, _LEASE)
        assert isinstance(claim, Claim)
        return claim

    async def begun(self) -> Claim:
        """A claim whose order may have been sent."""
        claim = await self.claimed()
        changes = Changes(claim)
        begin(changes)
        await changes.commit(self.database)
        return claim

    async def stored(self) -> dict[str, list[Any]]:
        """Every row that a step may write."""
        async with self.database.transaction() as session:
            return {
                table: [row.kept for row in await session.execute(_rows_of(table))]
                for table in _TABLES
            }

    async def blocked(self, many: int = 1) -> None:
        """So many wait for a lock."""
        async with asyncio.timeout(20), self.database.each_statement() as connection:
            while True:
                (found,) = await _BLOCKED.fetch(connection, {})
                if found["count"] >= many:
                    return
                await asyncio.sleep(0.001)


def _rows_of(table: str) -> Any:
    return text(f"SELECT to_jsonb(t) AS kept FROM {table} AS t ORDER BY 1")


def begin(changes: Changes) -> None:
    """What is stored before the first order."""
    claim = changes.claim
    changes.move(Move.BEGIN, details={}, steps=0)
    attempt = EnrollmentAttempt(
        enrollment_id=claim.id,
        number=1,
        ca_backend_id=claim.enrollment.ca_backend_id,
        token=token_of(claim.id, 1),
        first_sent_at=claim.now,
    )
    changes.begin_attempt(attempt)


@pytest.fixture
def stage(database: Database, estate: Estate, chain: Chain) -> Stage:
    """No worker runs."""
    return Stage(database, Enrolling(estate.api, chain))


async def test_f17_nothing_is_written_of_a_first_order_whose_claim_was_lost(stage: Stage) -> None:
    claim = await stage.claimed()
    await stage.claim_of(claim.id)
    before = await stage.stored()
    changes = Changes(claim)
    begin(changes)
    with pytest.raises(Lost):
        await changes.commit(stage.database)
    assert await stage.stored() == before
    assert (claim.state, claim.attempt, claim.attempts) == ("approved", None, 0)


async def test_f17_nothing_is_written_of_an_answer_whose_claim_was_lost(stage: Stage) -> None:
    claim = await stage.begun()
    await stage.claim_of(claim.id)
    before = await stage.stored()
    changes = Changes(claim)
    outcomes.accepted(changes, _ACCEPTED)
    with pytest.raises(Lost):
        await changes.commit(stage.database)
    assert await stage.stored() == before
    assert claim.state == "submitting"


async def test_f17_a_claim_lost_while_its_row_was_locked_is_lost(stage: Stage) -> None:
    claim = await stage.begun()
    before = await stage.stored()
    changes = Changes(claim)
    outcomes.accepted(changes, _ACCEPTED)
    async with stage.database.transaction() as other:
        generation = {"lease_generation": Enrollment.lease_generation + 1}
        await other.execute(update(Enrollment).where(Enrollment.id == claim.id).values(generation))
        late = asyncio.ensure_future(changes.commit(stage.database))
        await stage.blocked()
    with pytest.raises(Lost):
        await late
    after = await stage.stored()
    assert after.pop("enrollments")[0]["state"] == "submitting"
    assert all(rows == before[table] for table, rows in after.items())


async def test_f17_what_follows_is_not_begun_for_a_claim_that_was_lost(stage: Stage) -> None:
    claim = await stage.begun()
    await stage.claim_of(claim.id)
    begun = []

    async def further(session: AsyncSession) -> None:
        begun.append(session)

    changes = Changes(claim)
    outcomes.accepted(changes, _ACCEPTED)
    changes.also(further)
    with pytest.raises(Lost):
        await changes.commit(stage.database)
    assert begun == []


async def test_nothing_is_written_once_the_attempt_has_ended(stage: Stage) -> None:
    claim = await stage.begun()
    async with stage.database.transaction() as session:
        await session.execute(update(EnrollmentAttempt).values(ended_at=claim.now))
    before = await stage.stored()
    changes = Changes(claim)
    outcomes.accepted(changes, _ACCEPTED)
    with pytest.raises(Lost):
        await changes.commit(stage.database)
    assert await stage.stored() == before


async def test_f03_a_step_is_written_with_its_event_its_attempt_and_its_job(stage: Stage) -> None:
    claim = await stage.begun()
    before = await stage.stored()
    changes = Changes(claim)
    outcomes.accepted(changes, _ACCEPTED)
    await changes.commit(stage.database)
    after = await stage.stored()
    assert claim.state == "pending_ca"
    assert after["enrollments"][0]["state"] == "pending_ca"
    assert after["enrollments"][0]["version"] == before["enrollments"][0]["version"] + 1
    assert after["enrollment_attempts"][0]["ca_ref"] == "order-1"
    (event,) = (row for row in after["audit_events"] if row not in before["audit_events"])
    assert event["action"] == "enrollment.accepted_by_ca"
    (job,) = (row for row in after["pgqueuer"] if row not in before["pgqueuer"])
    assert job["execute_after"] == after["enrollments"][0]["due_at"]


async def test_for_a_short_wait_the_claim_is_kept(stage: Stage) -> None:
    claim = await stage.begun()
    before = await stage.stored()
    changes = Changes(claim)
    outcomes.accepted(changes, replace(_ACCEPTED, poll_after=outcomes.SHORT_WAIT))
    await changes.commit(stage.database)
    after = await stage.stored()
    assert after["enrollments"][0]["lease_until"] == before["enrollments"][0]["lease_until"]
    assert after["enrollments"][0]["due_at"] == before["enrollments"][0]["due_at"]
    assert after["pgqueuer"] == before["pgqueuer"]


async def test_f03_a_step_that_fails_in_the_end_leaves_nothing(stage: Stage) -> None:
    claim = await stage.begun()
    before = await stage.stored()

    async def failing(session: AsyncSession) -> None:
        await session.execute(text("SELECT 1"))
        raise ZeroDivisionError

    changes = Changes(claim)
    outcomes.accepted(changes, _ACCEPTED)
    changes.also(failing)
    with pytest.raises(ZeroDivisionError):
        await changes.commit(stage.database)
    assert await stage.stored() == before
    assert claim.state == "submitting"


async def test_f14_a_reference_of_another_enrollment_leaves_nothing(stage: Stage) -> None:
    first, second = await stage.begun(), await stage.begun()
    changes = Changes(first)
    outcomes.accepted(changes, _ACCEPTED)
    await changes.commit(stage.database)
    before = await stage.stored()
    changes = Changes(second)
    outcomes.accepted(changes, _ACCEPTED)
    with pytest.raises(Conflict):
        await changes.commit(stage.database)
    assert await stage.stored() == before
    assert second.state == "submitting"


async def test_a_claim_lasts_as_long_as_it_is_kept(stage: Stage) -> None:
    claim = await stage.claimed()
    changes = Changes(claim)
    changes.keep(10 * _LEASE)
    assert not claim.outlasts(2 * _LEASE)
    await changes.commit(stage.database)
    assert claim.outlasts(2 * _LEASE)
    async with stage.database.transaction() as session:
        until = await session.scalar(select(Enrollment.lease_until))
    assert until is not None
    assert until - claim.now > 2 * _LEASE
