"""F17: when a look-up was made decides what it proves."""

from datetime import timedelta

from sqlalchemy import select
from test_changes import Stage, stage

from scm_api.core.recovery import Guard, Step, Timing, decide
from scm_api.db.models import EnrollmentAttempt
from scm_api.worker import outcomes
from scm_api.worker.changes import Changes

__all__ = ["stage"]


async def test_f17_a_look_up_tells_of_the_time_before_it_was_made(stage: Stage) -> None:
    """What was ordered while the CA looked may not be in its answer: a look-up that ends after
    nobody can wake any more, and began before, does not prove that nothing is there."""
    claim = await stage.begun()
    claim = await stage.claim_of(claim.id)
    changes = Changes(claim)
    outcomes.untraced(changes)
    await changes.commit(stage.database)
    async with stage.database.transaction() as session:
        attempt = (await session.scalars(select(EnrollmentAttempt))).one()
    first, found = attempt.first_sent_at, attempt.untraced_at
    assert first is not None
    assert found is not None
    last_wakes = claim.now + timedelta(microseconds=1)
    timing = Timing(timedelta(0), last_wakes - first, None)
    now = last_wakes + timedelta(minutes=1)
    decision = decide(Guard.LOOKUP, timing, first_sent_at=first, untraced_at=found, now=now)
    assert decision.step is Step.RECOVER
