"""T67: the many jobs of one organization do not hold up the first of another."""

import asyncio
from datetime import timedelta
from functools import partial
from uuid import UUID

from scm_api.db.base import new_id
from scm_api.db.jobs import Job, enqueue, enqueue_many, job_row
from scm_api.db.session import Database
from scm_api.settings import Settings
from scm_api.worker.queue import Queue

MANY = 1_000


async def test_t67_the_first_job_of_another_comes_before_the_thousandth(
    database: Database, settings: Settings
) -> None:
    flooding, other, first = new_id(), new_id(), new_id()
    ran, reached = list[UUID](), asyncio.Event()

    async def handler(subject_id: UUID, _tries: int) -> None:
        ran.append(subject_id)
        if subject_id == first:
            reached.set()

    async with database.transaction() as session:
        subjects = [(new_id(), flooding) for _ in range(MANY)]
        await enqueue_many(session, Job.REVOKE_SURPLUS, subjects)
        await enqueue(session, Job.REVOKE_SURPLUS, first, other)
    queue = Queue(
        settings.database_url or "",
        {Job.REVOKE_SURPLUS: handler},
        partial(asyncio.sleep, 0),
        lease=timedelta(minutes=5),
        idle_poll=timedelta(seconds=0.2),
        concurrency=4,
    )
    running = asyncio.create_task(queue.run())
    async with asyncio.timeout(60):
        await reached.wait()
    queue.stop()
    await running
    assert len(ran) < MANY / 5


def test_a_job_for_later_comes_after_all_that_are_due_before() -> None:
    flooding, other = new_id(), new_id()
    many = [job_row(Job.REVOKE_CERTIFICATE, new_id(), flooding) for _ in range(MANY)]
    later = job_row(Job.REVOKE_CERTIFICATE, new_id(), other, delay=timedelta(hours=2))
    priorities = [row.values["priority"] for row in many]
    assert priorities == sorted(priorities, reverse=True)
    assert later.values["priority"] < priorities[-1] < priorities[0] - MANY / 10


async def test_a_job_may_be_put_off_for_centuries(database: Database) -> None:
    async with database.transaction() as session:
        await enqueue(
            session, Job.REVOKE_CERTIFICATE, new_id(), new_id(), delay=timedelta(days=365 * 300)
        )
