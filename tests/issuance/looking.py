"""What is pending at a CA, looked at now, and who waits for it."""

import asyncio
from uuid import UUID

from sqlalchemy import func, text, update

from estate import Json
from scm_api.db.base import new_id
from scm_api.db.jobs import Job, enqueue
from scm_api.db.models import Enrollment
from scm_api.db.session import Database

_LISTENING = text("""
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND query LIKE 'LISTEN%'
""")


async def somebody_waits(database: Database) -> None:
    """Returns once an API process holds the first answer."""
    for _ in range(600):
        async with database.transaction() as session:
            if await session.scalar(_LISTENING):
                return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody listens")


async def look_again(database: Database, enrollment: Json) -> None:
    """Let the next look be due now."""
    one = update(Enrollment).where(Enrollment.id == UUID(enrollment["id"]))
    async with database.transaction() as session:
        await session.execute(one.values(due_at=func.now()))
        await enqueue(session, Job.ADVANCE_ENROLLMENT, UUID(enrollment["id"]), new_id())
