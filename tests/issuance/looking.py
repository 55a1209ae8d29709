"""What is pending at a CA, looked at now."""

from uuid import UUID

from sqlalchemy import func, update

from estate import Json
from scm_api.db.base import new_id
from scm_api.db.jobs import Job, enqueue
from scm_api.db.models import Enrollment
from scm_api.db.session import Database


async def look_again(database: Database, enrollment: Json) -> None:
    """Let the next look be due now."""
    one = update(Enrollment).where(Enrollment.id == UUID(enrollment["id"]))
    async with database.transaction() as session:
        await session.execute(one.values(due_at=func.now()))
        await enqueue(session, Job.ADVANCE_ENROLLMENT, UUID(enrollment["id"]), new_id())
