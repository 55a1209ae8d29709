"""Durable jobs: enqueued in the caller's own transaction, so intent and job live or die together.

The engine is pgqueuer. A job names what to advance, never what to do: whoever runs it looks at
the row and does the next step, so a job delivered twice does nothing the second time.

Of the jobs that are due, those of the highest priority come first: the one that has been due the
longest, by the clock of who enqueued it, where its organization took no more than its turn. Each
process counts by itself what it enqueues for an organization.
"""

import time
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from cachetools import LRUCache
from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    DateTime,
    Integer,
    LargeBinary,
    Text,
    TypeDecorator,
    any_,
    cast,
    column,
    func,
    select,
    table,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import ENUM
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.rate_limit import Bucket
from scm_api.core.turns import put_back
from scm_api.db.rows import Later, NewRow

_BEGINNING: Final = 1_767_225_600  # 2026; priorities are seconds since then and have 32 bits
_LOWEST: Final = -(2**31)  # what is put off until after 2094, as far as a certificate may last


class Job(StrEnum):
    """The durable jobs there are."""

    ADVANCE_ENROLLMENT = "advance_enrollment"
    REVOKE_CERTIFICATE = "revoke_certificate"
    REVOKE_SURPLUS = "revoke_surplus"
    CHECK_CA_BACKEND = "check_ca_backend"

    @property
    def subject(self) -> str:
        """What the id it is given is called in logs."""
        others = {
            Job.REVOKE_CERTIFICATE: "certificate_id",
            Job.CHECK_CA_BACKEND: "ca_backend_id",
        }
        return others.get(self, "enrollment_id")


class _Status(TypeDecorator[str]):
    """The engine's type, given as text, so that a connection need not ask what it looks like."""

    impl = Text
    cache_ok = True

    def bind_expression(self, bindparam: BindParameter[str]) -> ColumnElement[str]:
        return cast(type_coerce(bindparam, Text), ENUM(name="pgqueuer_status", create_type=False))


_QUEUE: Final = table(
    "pgqueuer",
    column("id", Integer),
    column("priority", Integer),
    column("status", _Status),
    column("entrypoint", Text),
    column("payload", LargeBinary),
    column("execute_after", DateTime(timezone=True)),
)


_taken: Final[LRUCache[UUID, Bucket]] = LRUCache(10_000)


def _priority(organization_id: UUID, delay: timedelta) -> int:
    _taken[organization_id], behind = put_back(_taken.get(organization_id), time.monotonic())
    return max(_LOWEST, _BEGINNING - int(time.time() + delay.total_seconds() + behind))


def job_row(
    job: Job, subject_id: UUID, organization_id: UUID, *, delay: timedelta = timedelta(0)
) -> NewRow:
    """What `enqueue` adds, for a statement that inserts it together with the intent."""
    priority = _priority(organization_id, delay)
    values = {"priority": priority, "status": "queued", "entrypoint": job.value}
    return NewRow(_QUEUE, values | {"payload": subject_id.bytes, "execute_after": Later(delay)})


async def enqueue(
    session: AsyncSession,
    job: Job,
    subject_id: UUID,
    organization_id: UUID,
    *,
    delay: timedelta = timedelta(0),
) -> None:
    """Have `job` run for `subject_id`, which belongs to the organization, once this transaction is
    committed and `delay` has passed."""
    await enqueue_many(session, job, [(subject_id, organization_id)], delay=delay)


async def enqueue_many(
    session: AsyncSession,
    job: Job,
    subjects: Sequence[tuple[UUID, UUID]],
    *,
    delay: timedelta = timedelta(0),
) -> None:
    """Like `enqueue`, for many subjects, each with its organization, in one statement."""
    if not subjects:
        return
    # Loads the whole engine with its command line, which nothing but this needs.
    from pgqueuer.queries import Queries

    raw = await (await session.connection()).get_raw_connection()
    connection = raw.driver_connection
    count = len(subjects)
    await Queries.from_asyncpg_connection(connection).enqueue(
        [job.value] * count,
        [subject_id.bytes for subject_id, _ in subjects],
        [_priority(organization_id, delay) for _, organization_id in subjects],
        execute_after=[delay] * count,
    )


async def run_now(session: AsyncSession, job: Job, subjects: Sequence[tuple[UUID, UUID]]) -> None:
    """Like `enqueue_many`, also where the job was put off. Where it runs at the moment, and may put
    itself off, it is enqueued once more; of two that did, one is enough."""
    if not subjects:
        return
    payloads = cast([each.bytes for each, _ in subjects], ARRAY(LargeBinary))
    queued = (
        _QUEUE.c.entrypoint == job.value,
        _QUEUE.c.status == "queued",
        _QUEUE.c.payload == any_(payloads),
    )
    one_each = select(func.min(_QUEUE.c.id)).where(*queued).group_by(_QUEUE.c.payload)
    put_off = (
        select(_QUEUE.c.id)
        .where(_QUEUE.c.id.in_(one_each), *queued, _QUEUE.c.execute_after > func.now())
        .with_for_update(skip_locked=True)
    )
    await session.execute(
        update(_QUEUE).where(_QUEUE.c.id.in_(put_off)).values(execute_after=func.now())
    )
    # What is put off still was passed over, or has been put back just now.
    due = select(_QUEUE.c.payload).where(*queued, _QUEUE.c.execute_after <= func.now())
    there = set((await session.scalars(due)).all())
    await enqueue_many(session, job, [each for each in subjects if each[0].bytes not in there])
