"""Taking an enrollment for one step, and writing only while it is still ours.

A claim is a lease with a generation on the row, on the database's clock. Whoever lost it finds
that no row matches and stops: `Lost`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    Interval,
    Row,
    Text,
    Update,
    Uuid,
    bindparam,
    cast,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from scm_api.core.lifecycle import ACTIVE, Move, after
from scm_api.core.vocabulary import EnrollmentState
from scm_api.db.audit import event_row
from scm_api.db.base import Base
from scm_api.db.models import (
    CaBackend,
    CaBackendHealth,
    Certificate,
    CertificateProfileVersion,
    Enrollment,
    EnrollmentAttempt,
    LocalCaBackend,
)
from scm_api.db.statements import changed_rows
from scm_api.gateway.connections import CONNECTION_COLUMNS, Connection, connection_from
from scm_api.worker.clock import boottime

CHANNEL = "scm_enrollments"
_ENROLLMENTS: Final = Base.metadata.tables[Enrollment.__tablename__]
_ATTEMPTS: Final = Base.metadata.tables[EnrollmentAttempt.__tablename__]
_CLOCK: Final = func.clock_timestamp()
_DUE: Final = (
    _ENROLLMENTS.c.id == bindparam("enrollment", type_=Uuid),
    _ENROLLMENTS.c.state.in_([state.value for state in ACTIVE]),
    _ENROLLMENTS.c.due_at <= _CLOCK,
)
_TAKE: Final = (
    update(_ENROLLMENTS)
    .where(
        *_DUE,
        or_(_ENROLLMENTS.c.lease_until.is_(None), _ENROLLMENTS.c.lease_until <= _CLOCK),
    )
    .values(
        lease_generation=_ENROLLMENTS.c.lease_generation + 1,
        lease_until=_CLOCK + bindparam("lease", type_=Interval),
    )
    .returning(_ENROLLMENTS)
)
_HELD_FOR: Final = select(_ENROLLMENTS.c.lease_until - _CLOCK).where(
    *_DUE, _ENROLLMENTS.c.lease_until > _CLOCK
)
_LIVE: Final = (_ATTEMPTS.c.enrollment_id == Enrollment.id) & _ATTEMPTS.c.ended_at.is_(None)
_EVER: Final = (
    select(func.coalesce(func.max(EnrollmentAttempt.number), 0))
    .where(EnrollmentAttempt.enrollment_id == Enrollment.id)
    .correlate(Enrollment)
    .scalar_subquery()
)
_RENEWED: Final = (
    select(Certificate.ca_ref)
    .where(
        Certificate.id == Enrollment.renews_certificate_id,
        Certificate.ca_backend_id == Enrollment.ca_backend_id,
    )
    .correlate(Enrollment)
    .scalar_subquery()
)
_BELONGINGS: Final = (
    select(
        *CONNECTION_COLUMNS,
        *(column.label(f"attempt_{column.name}") for column in _ATTEMPTS.c),
        _EVER.label("attempts"),
        _RENEWED.label("renews_ca_ref"),
        CaBackendHealth.status,
        CaBackendHealth.local_version,
        CertificateProfileVersion.rules,
        _CLOCK.label("now"),
    )
    .select_from(Enrollment)
    .join(CaBackend, CaBackend.id == Enrollment.ca_backend_id)
    .join(LocalCaBackend, LocalCaBackend.id == CaBackend.local_ca_backend_id)
    .join(
        CertificateProfileVersion,
        (CertificateProfileVersion.certificate_profile_id == Enrollment.certificate_profile_id)
        & (CertificateProfileVersion.version == Enrollment.profile_version),
    )
    .outerjoin(CaBackendHealth, CaBackendHealth.ca_backend_id == CaBackend.id)
    .outerjoin(_ATTEMPTS, _LIVE)
    .where(Enrollment.id == bindparam("enrollment", type_=Uuid))
)


class Lost(Exception):
    """Somebody else has the enrollment now; nothing of ours may be written any more."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Another worker holds the enrollment, at most for `wait` more."""

    wait: timedelta


@dataclass(slots=True)
class Claim:
    """One enrollment, held by this worker under `generation` since `taken_at` (boot time).

    `attempt` is the live one, `attempts` the number of the last one that was ever made.
    `renews_ca_ref` is the CA's reference of the certificate it renews.
    """

    enrollment: Enrollment
    attempt: EnrollmentAttempt | None
    attempts: int
    renews_ca_ref: str | None
    connection: Connection
    rules: dict[str, Any]
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


async def take(
    session: AsyncSession | AsyncConnection, enrollment_id: UUID, lease: timedelta
) -> Claim | Busy | None:
    """Claim the enrollment if it is due and free; None when there is nothing to do."""
    taken_at = boottime()
    asked = {"enrollment": enrollment_id, "lease": lease}
    taken = (await session.execute(_TAKE, asked)).mappings().one_or_none()
    if taken is None:
        return await _busy(session, enrollment_id)
    enrollment = Enrollment(**taken)
    # Only now, when the row is ours, is it certain what belongs to it.
    row = (await session.execute(_BELONGINGS, {"enrollment": enrollment_id})).one()
    return Claim(
        enrollment=enrollment,
        attempt=_attempt(row),
        attempts=row.attempts,
        renews_ca_ref=row.renews_ca_ref,
        connection=connection_from(row),
        rules=row.rules,
        refused=row.status == "refused" and row.local_version == row.version,
        generation=enrollment.lease_generation,
        taken_at=taken_at,
        now=row.now,
    )


def _attempt(row: Row[Any]) -> EnrollmentAttempt | None:
    if row.attempt_number is None:
        return None
    columns = EnrollmentAttempt.__table__.c.keys()
    return EnrollmentAttempt(**{name: getattr(row, f"attempt_{name}") for name in columns})


async def _busy(session: AsyncSession | AsyncConnection, enrollment_id: UUID) -> Busy | None:
    wait = await session.scalar(_HELD_FOR, {"enrollment": enrollment_id})
    return None if wait is None else Busy(max(timedelta(0), wait))


async def move(
    session: AsyncSession, claim: Claim, step: Move, *, details: dict[str, Any], **values: Any
) -> None:
    """Write one state change with its audit event; raises Lost if the claim is no longer ours.

    Whoever waits for the enrollment is notified when the transaction commits.
    """
    state = after(claim.state, step)
    event = event_row(
        None,
        f"enrollment.{step.value}",
        ("enrollment", claim.id),
        organization_id=claim.enrollment.organization_id,
        details=details,
    )
    statement = (
        _written(claim, state=state.value, version=_ENROLLMENTS.c.version + 1, **values)
        # When no row is ours, the event goes with the transaction.
        .add_cte(insert(event.table).values(event.values).cte())
        .returning(func.pg_notify(CHANNEL, cast(_ENROLLMENTS.c.id, Text)))
    )
    if (await session.execute(statement)).one_or_none() is None:
        raise Lost
    claim.enrollment.state = state.value


async def write(session: AsyncSession, claim: Claim, **values: Any) -> None:
    """Update the enrollment under the claim; raises Lost when the row moved on."""
    if await changed_rows(session, _written(claim, **values)) != 1:
        raise Lost


def _written(claim: Claim, **values: Any) -> Update:
    return (
        update(_ENROLLMENTS)
        .where(_ENROLLMENTS.c.id == claim.id, _ENROLLMENTS.c.lease_generation == claim.generation)
        .values(updated_at=func.now(), **values)
    )


async def write_attempt(session: AsyncSession, claim: Claim, **values: Any) -> None:
    """Update the live attempt; call after `write` or `move`, whose row lock makes it ours."""
    assert claim.attempt is not None
    statement = (
        update(_ATTEMPTS)
        .where(
            _ATTEMPTS.c.enrollment_id == claim.id,
            _ATTEMPTS.c.number == claim.attempt.number,
            _ATTEMPTS.c.ended_at.is_(None),
        )
        .values(**values)
    )
    if await changed_rows(session, statement) != 1:
        raise Lost
