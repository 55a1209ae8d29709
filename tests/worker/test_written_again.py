"""F23, F24, F26: what a CA answered is written once, whatever happens to the database."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from test_changes import Stage, stage

from scm_api.core.errors import Unavailable
from scm_api.drivers.base import Pending
from scm_api.drivers.errors import OrderRefused
from scm_api.worker import outcomes
from scm_api.worker.changes import Changes, Further
from scm_api.worker.claims import Lost

__all__ = ["stage"]
_ACCEPTED = Pending("order-1", timedelta(minutes=1), None)
_AWAY = Unavailable("It is being restarted.", code="database-unavailable")
_DEADLOCK = text("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")


async def _deadlock(session: AsyncSession) -> None:
    await session.execute(_DEADLOCK)


async def _away(_session: AsyncSession) -> None:
    raise _AWAY


@pytest.mark.parametrize("trouble", [_deadlock, _away])
async def test_f23_f26_an_answer_that_was_not_stored_is_written_again(
    stage: Stage, trouble: Further
) -> None:
    """The CA may not give it a second time."""
    claim = await stage.begun()
    tries = []

    async def further(session: AsyncSession) -> None:
        tries.append(session)
        if len(tries) == 1:
            await trouble(session)

    changes = Changes(claim)
    outcomes.accepted(changes, _ACCEPTED)
    changes.also(further)
    await changes.commit(stage.database)
    assert claim.state == "pending_ca"
    assert (await stage.stored())["enrollment_attempts"][0]["ca_ref"] == "order-1"


async def test_f23_it_is_kept_no_longer_than_the_claim_lasts(stage: Stage) -> None:
    claim = await stage.begun()
    claim.lease = timedelta(0)

    async def further(session: AsyncSession) -> None:
        raise _AWAY

    changes = Changes(claim)
    outcomes.accepted(changes, _ACCEPTED)
    changes.also(further)
    with pytest.raises(Unavailable):
        await changes.commit(stage.database)


async def _unseen(session: AsyncSession) -> None:
    """It is committed, and the answer to that is lost."""
    await session.commit()
    raise _AWAY


async def test_f24_a_move_that_was_stored_unseen_is_not_made_twice(stage: Stage) -> None:
    claim = await stage.begun()
    changes = Changes(claim)
    outcomes.accepted(changes, replace(_ACCEPTED, poll_after=outcomes.SHORT_WAIT))
    changes.also(_unseen)
    with pytest.raises(Lost):
        await changes.commit(stage.database)
    stored = await stage.stored()
    events = [each["action"] for each in stored["audit_events"]]
    assert events.count("enrollment.accepted_by_ca") == 1
    assert stored["enrollments"][0]["version"] == 3


async def test_f24_a_claim_that_was_let_go_unseen_is_let_go_once(stage: Stage) -> None:
    claim = await stage.begun()
    changes = Changes(claim)
    outcomes.not_canceled(changes, OrderRefused("It is issued.", code="issued"))
    changes.also(_unseen)
    with pytest.raises(Lost):
        await changes.commit(stage.database)
    events = [each["action"] for each in (await stage.stored())["audit_events"]]
    assert events.count("enrollment.cancel_refused") == 1
