"""Decisions at the same moment: exactly one counts (faults F18)."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from approvals import FourEyes, another_admin, four_eyes
from sqlalchemy import select, text

from api_client import Api
from estate import Estate
from scm_api.db.models import Enrollment
from scm_api.db.session import Database
from scm_api.db.statements import Statement
from scm_api.worker.expiry import expire_unanswered

ROUNDS = 200  # where chance decides who is first
FORCED_ROUNDS = 50  # where both orders are forced
WINS = {"approve": "approved", "decline": "declined", "cancel": "canceled"}
_BLOCKED = Statement(
    text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
)
_PUT_BACK = Statement(
    text("""
    UPDATE enrollments
       SET state = 'pending_approval', version = 1, approval_digest = NULL, reason_code = NULL,
           reason = NULL, approval_expires_at = clock_timestamp() + CAST(:wait AS interval)
     WHERE id = CAST(:id AS uuid)
""")
)
_TOLD = Statement(
    text("""
    SELECT state, action, count(*)
      FROM enrollments JOIN audit_events ON subject_id = enrollments.id
     WHERE enrollments.id = CAST(:id AS uuid) GROUP BY state, action
""")
)


class Stage:
    """One enrollment that is put back to the start before each round."""

    def __init__(self, eyes: FourEyes, database: Database, enrollment_id: str) -> None:
        self.eyes = eyes
        self.database = database
        self.id = UUID(enrollment_id)
        self.path = f"/enrollments/{enrollment_id}"

    async def put_back(self, wait: timedelta = timedelta(days=1)) -> None:
        """It waits for approval, in its first version, for so long."""
        async with self.database.each_statement() as connection:
            await _PUT_BACK.fetch(connection, {"id": self.id, "wait": wait})

    async def decide(self, by: Api, verb: str) -> httpx.Response:
        """A decision about the first version."""
        headers, body = {"If-Match": '"1"'}, {"comment": verb}
        return await by.send("POST", f"{self.path}/{verb}", json=body, headers=headers)

    async def told(self) -> tuple[str, Counter[str]]:
        """The state as stored, and how often each thing happened so far."""
        async with self.database.each_statement() as connection:
            rows = await _TOLD.fetch(connection, {"id": self.id})
        (state,) = {row["state"] for row in rows}
        return state, Counter({row["action"]: row["count"] for row in rows})

    async def in_order(
        self, *starts: Callable[[], Awaitable[httpx.Response]]
    ) -> list[httpx.Response]:
        """All of them stand before the row's lock, in this order, before the first may go on."""
        async with self.database.transaction() as barrier:
            held = select(Enrollment.id).where(Enrollment.id == self.id).with_for_update()
            await barrier.execute(held)
            tasks = []
            for number, start in enumerate(starts, 1):
                tasks.append(asyncio.ensure_future(start()))
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
async def stage(estate: Estate, database: Database) -> Stage:
    """No worker runs: what is approved stays where it is."""
    eyes = await four_eyes(estate)
    return Stage(eyes, database, (await eyes.enrolling.enroll("www.example.com"))["id"])


@pytest.mark.parametrize(
    ("verb", "late"),
    [("approve", {409}), ("decline", {409}), ("cancel", {409, 412})],
    ids=["approve", "decline", "cancel"],
)
async def test_f18_of_two_decisions_at_once_one_counts(
    stage: Stage, estate: Estate, verb: str, late: set[int]
) -> None:
    """Who cancels what was approved a moment ago reads 412: it can still be canceled."""
    third = await another_admin(estate)
    contenders = [
        ("approve", lambda: stage.decide(stage.eyes.approver, "approve")),
        (verb, lambda: stage.decide(third, verb)),
    ]
    before = sum((await stage.told())[1].values())
    for number in range(1, FORCED_ROUNDS + 1):
        await stage.put_back()
        (first, start), (_, follow) = contenders if number % 2 else contenders[::-1]
        won, lost = await stage.in_order(start, follow)
        assert won.status_code == 200, won.text
        assert lost.status_code in late, lost.text
        state, events = await stage.told()
        assert state == WINS[first]
        assert sum(events.values()) == before + number


async def test_f18_an_approval_and_the_end_of_the_time_for_it(stage: Stage) -> None:
    outcomes: Counter[str] = Counter()
    for number in range(1, ROUNDS + 1):
        await stage.put_back(timedelta(milliseconds=random.uniform(0, 20)))
        decided, _ = await asyncio.gather(
            stage.decide(stage.eyes.approver, "approve"), _expired_or_not(stage)
        )
        state, events = await stage.told()
        assert (decided.status_code, state) in {(200, "approved"), (409, "canceled")}
        outcomes[state] += 1
        assert events["enrollment.approved"] == outcomes["approved"]
        assert events["enrollment.expired"] == outcomes["canceled"]
        assert outcomes.total() == number
    assert set(outcomes) == {"approved", "canceled"}, "both came about"


async def _expired_or_not(stage: Stage) -> None:
    """What upkeep does, again and again, until nothing waits any more."""
    async with asyncio.timeout(20):
        while True:
            await expire_unanswered(stage.database)
            if (await stage.told())[0] != "pending_approval":
                return
