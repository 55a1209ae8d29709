"""An order that a CA is slow to tell about, and a clock that can be moved."""

import asyncio
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Interval, func, literal, select, update

from estate import Json
from scm_api.db.base import new_id
from scm_api.db.jobs import Job, enqueue
from scm_api.db.models import Enrollment, EnrollmentAttempt
from scm_api.db.session import Database
from settlement import Enrolling


class Waiting:
    """One enrollment through a profile, by its path, and its clock."""

    def __init__(self, enrolling: Enrolling, database: Database, made: Json) -> None:
        self.enrolling = enrolling
        self.database = database
        self.id = UUID(made["id"])
        self.path = f"/enrollments/{made['id']}"

    async def shown(self) -> Json:
        found: Json = await self.enrolling.api.get(self.path)
        return found

    async def until(self, member: str, value: str) -> Json:
        return await self.enrolling.until(self.path, member, value)

    async def passes(self, time: timedelta) -> None:
        """So much time later the next look is due."""
        past = literal(time, Interval)
        mine = EnrollmentAttempt.enrollment_id == self.id
        async with self.database.transaction() as session:
            of = EnrollmentAttempt
            since = {
                "untraced_at": of.untraced_at - past,
                "seen_pending_at": of.seen_pending_at - past,
            }
            await session.execute(update(of).where(mine).values(since))
            await session.execute(
                update(Enrollment)
                .where(Enrollment.id == self.id)
                .values(due_at=func.now(), steps=Enrollment.steps + 1)
            )
            await enqueue(session, Job.ADVANCE_ENROLLMENT, self.id, new_id())

    async def look_after(self, time: timedelta) -> Json:
        """What is shown after the look that is made so much time later."""
        await self.passes(time)
        due = (await self.shown())["next_step_at"]
        for _ in range(200):
            shown = await self.shown()
            if shown["next_step_at"] != due:
                return shown
            await asyncio.sleep(0.1)
        raise AssertionError(f"nobody looked: {shown}")

    async def park(self) -> None:
        """As if the answer to its order had been lost for good."""
        async with self.database.transaction() as session:
            await session.execute(
                update(Enrollment)
                .where(Enrollment.id == self.id)
                .values(state="parked", reason_code="outcome-unknown", due_at=None)
            )

    async def attempts(self) -> list[tuple[str | None, str | None]]:
        """Reference and outcome of each."""
        of = EnrollmentAttempt
        query = select(of.ca_ref, of.outcome).where(of.enrollment_id == self.id).order_by(of.number)
        async with self.database.transaction() as session:
            return [(row.ca_ref, row.outcome) for row in await session.execute(query)]
