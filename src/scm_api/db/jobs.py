"""Durable jobs: enqueued in the caller's own transaction, so intent and job live or die together.

The engine is pgqueuer. A job names what to advance, never what to do: whoever runs it looks at
the row and does the next step, so a job delivered twice does nothing the second time.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

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

from scm_api.db.rows import Later, NewRow


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


def job_row(job: Job, subject_id: UUID, *, delay: timedelta = timedelta(0)) -> NewRow:
    """What `enqueue` adds, for a statement that inserts it together with the intent."""
    values = {"priority": 0, "status": "queued", "entrypoint": job.value}
    return NewRow(_QUEUE, values | {"payload": subject_id.bytes, "execute_after": Later(delay)})


async def enqueue(
    session: AsyncSession, job: Job, subject_id: UUID, *, delay: timedelta = timedelta(0)
) -> None:
    """Have `job` run for `subject_id` once this transaction is committed and `delay` has passed."""
    await enqueue_many(session, job, [subject_id], delay=delay)


async def enqueue_many(
    session: AsyncSession,
    job: Job,
    subject_ids: Sequence[UUID],
    *,
    delay: timedelta = timedelta(0),
) -> None:
    """Like `enqueue`, for many subjects in one statement."""
    if not subject_ids:
        return
    # Loads the whole engine with its command line, which nothing but this needs.
    from pgqueuer.queries import Queries

    raw = await (await session.connection()).get_raw_connection()
    connection = raw.driver_connection
    count = len(subject_ids)
    await Queries.from_asyncpg_connection(connection).enqueue(
        [job.value] * count,
        [subject_id.bytes for subject_id in subject_ids],
        [0] * count,
        execute_after=[delay] * count,
    )


async def run_now(session: AsyncSession, job: Job, subject_ids: Sequence[UUID]) -> None:
    """Have `job` run for each of these subjects once this transaction is committed, also where it
    was put off. Where it runs at the moment, and may put itself off, it is enqueued once more."""
    if not subject_ids:
        return
    payloads = cast([each.bytes for each in subject_ids], ARRAY(LargeBinary))
    queued = (
        _QUEUE.c.entrypoint == job.value,
        _QUEUE.c.status == "queued",
        _QUEUE.c.payload == any_(payloads),
    )
    put_off = (
        select(_QUEUE.c.id)
        .where(*queued, _QUEUE.c.execute_after > func.now())
        .with_for_update(skip_locked=True)
    )
    await session.execute(
        update(_QUEUE).where(_QUEUE.c.id.in_(put_off)).values(execute_after=func.now())
    )
    there = set((await session.scalars(select(_QUEUE.c.payload).where(*queued))).all())
    await enqueue_many(session, job, [each for each in subject_ids if each.bytes not in there])
