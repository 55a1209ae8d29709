"""Taking an enrollment for one step, and writing only while it is still ours.

A claim is a lease with a generation on the row, on the database's clock. Whoever lost it finds
that no row matches and stops: `Lost`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.lifecycle import ACTIVE, Move, after
from scm_api.core.vocabulary import EnrollmentState
from scm_api.db.audit import record
from scm_api.db.models import CaBackendHealth, Enrollment, EnrollmentAttempt
from scm_api.db.statements import changed_rows
from scm_api.gateway.connections import Connection, connection_of
from scm_api.worker.clock import boottime

CHANNEL = "scm_enrollments"


class Lost(Exception):
    """Somebody else has the enrollment now; nothing of ours may be written any more."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Another worker holds the enrollment, at most for `wait` more."""

    wait: timedelta


@dataclass(slots=True)
class Claim:
    """One enrollment, held by this worker under `generation` since `taken_at` (boot time)."""

    enrollment: Enrollment
    attempt: EnrollmentAttempt | None
    connection: Connection
    refused: bool
    generation: int
    taken_at: float
    now: datetime

    @property
    def id(self) -> UUID:
        """The enrollment's id."""
        return self.enrollment.id

    @property
    def state(self) -> EnrollmentState:
        """The enrollment's state as this claim knows it."""
        return EnrollmentState(self.enrollment.state)


async def take(session: AsyncSession, enrollment_id: UUID, lease: timedelta) -> Claim | Busy | None:
    """Claim the enrollment if it is due and free; None when there is nothing to do."""
    taken_at = boottime()
    clock = func.clock_timestamp()
    enrollment = await session.scalar(
        update(Enrollment)
        .where(
            Enrollment.id == enrollment_id,
            Enrollment.state.in_([state.value for state in ACTIVE]),
            Enrollment.due_at <= clock,
            or_(Enrollment.lease_until.is_(None), Enrollment.lease_until <= clock),
        )
        .values(lease_generation=Enrollment.lease_generation + 1, lease_until=clock + lease)
        .returning(Enrollment)
    )
    if enrollment is None:
        return await _busy(session, enrollment_id)
    attempt = await session.scalar(
        select(EnrollmentAttempt).where(
            EnrollmentAttempt.enrollment_id == enrollment_id, EnrollmentAttempt.ended_at.is_(None)
        )
    )
    connection = await connection_of(session, enrollment.ca_backend_id)
    health = (
        await session.execute(
            select(CaBackendHealth.status, CaBackendHealth.local_version, clock.label("now"))
            .select_from(Enrollment)
            .outerjoin(CaBackendHealth, CaBackendHealth.ca_backend_id == Enrollment.ca_backend_id)
            .where(Enrollment.id == enrollment_id)
        )
    ).one()
    refused = health.status == "refused" and health.local_version == connection.version
    session.expunge_all()
    return Claim(
        enrollment=enrollment,
        attempt=attempt,
        connection=connection,
        refused=refused,
        generation=enrollment.lease_generation,
        taken_at=taken_at,
        now=health.now,
    )


async def _busy(session: AsyncSession, enrollment_id: UUID) -> Busy | None:
    clock = func.clock_timestamp()
    wait: timedelta | None = await session.scalar(
        select(Enrollment.lease_until - clock).where(
            Enrollment.id == enrollment_id,
            Enrollment.state.in_([state.value for state in ACTIVE]),
            Enrollment.due_at <= clock,
            Enrollment.lease_until > clock,
        )
    )
    return None if wait is None else Busy(max(timedelta(0), wait))


async def move(
    session: AsyncSession, claim: Claim, step: Move, *, details: dict[str, Any], **values: Any
) -> None:
    """Write one state change with its audit event; raises Lost if the claim is no longer ours.

    Whoever waits for the enrollment is notified when the transaction commits.
    """
    state = after(claim.state, step)
    await write(session, claim, state=state.value, version=Enrollment.version + 1, **values)
    claim.enrollment.state = state.value
    record(
        session,
        None,
        f"enrollment.{step.value}",
        ("enrollment", claim.id),
        organization_id=claim.enrollment.organization_id,
        details=details,
    )
    await session.execute(
        text("SELECT pg_notify(:channel, :id)"), {"channel": CHANNEL, "id": str(claim.id)}
    )


async def write(session: AsyncSession, claim: Claim, **values: Any) -> None:
    """Update the enrollment under the claim; raises Lost when the row moved on."""
    statement = (
        update(Enrollment)
        .where(Enrollment.id == claim.id, Enrollment.lease_generation == claim.generation)
        .values(updated_at=func.now(), **values)
    )
    if await changed_rows(session, statement) != 1:
        raise Lost


async def write_attempt(session: AsyncSession, claim: Claim, **values: Any) -> None:
    """Update the live attempt; call after `write` or `move`, whose row lock makes it ours."""
    assert claim.attempt is not None
    statement = (
        update(EnrollmentAttempt)
        .where(
            EnrollmentAttempt.enrollment_id == claim.id,
            EnrollmentAttempt.number == claim.attempt.number,
            EnrollmentAttempt.ended_at.is_(None),
        )
        .values(**values)
    )
    if await changed_rows(session, statement) != 1:
        raise Lost
