"""Taking an enrollment for one step, and writing only while it is still ours.

A claim is a lease with a generation on the row, on the database's clock. Whoever lost it finds
that no row matches and stops: `Lost`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Interval,
    Table,
    TableClause,
    Text,
    Update,
    Uuid,
    any_,
    bindparam,
    cast,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate

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
from scm_api.db.statements import Statement, changed_rows
from scm_api.gateway.connections import CONNECTION_COLUMNS, Connection, connection_from
from scm_api.issuance.facts import rules_of
from scm_api.issuance.rules import ProfileRules
from scm_api.worker.clock import boottime

CHANNEL = "scm_enrollments"
_ENROLLMENTS: Final = Base.metadata.tables[Enrollment.__tablename__]
_ATTEMPTS: Final = Base.metadata.tables[EnrollmentAttempt.__tablename__]
_CLOCK: Final = func.clock_timestamp()
_ACTIVE: Final = [state.value for state in ACTIVE]
_DUE: Final = (
    _ENROLLMENTS.c.id == bindparam("enrollment", type_=Uuid),
    _ENROLLMENTS.c.state == any_(bindparam("active", type_=ARRAY(Text))),
    _ENROLLMENTS.c.due_at <= _CLOCK,
)
_TAKE: Final = Statement(
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
_HELD_FOR: Final = Statement(
    select((_ENROLLMENTS.c.lease_until - _CLOCK).label("wait")).where(
        *_DUE, _ENROLLMENTS.c.lease_until > _CLOCK
    )
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
_BELONGINGS: Final = Statement(
    select(
        *CONNECTION_COLUMNS,
        *(column.label(f"attempt_{column.name}") for column in _ATTEMPTS.c),
        _EVER.label("attempts"),
        _RENEWED.label("renews_ca_ref"),
        CaBackendHealth.status,
        CaBackendHealth.local_version,
        cast(CertificateProfileVersion.rules, Text).label("rules"),
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
    """One enrollment, held by this worker under `generation` for `lease` since `taken_at` (boot
    time).

    `attempt` is the live one, `attempts` the number of the last one that was ever made.
    `renews_ca_ref` is the CA's reference of the certificate it renews.
    """

    enrollment: Enrollment
    attempt: EnrollmentAttempt | None
    attempts: int
    renews_ca_ref: str | None
    connection: Connection
    kept_rules: str
    refused: bool
    generation: int
    taken_at: float
    lease: timedelta
    now: datetime

    @property
    def id(self) -> UUID:
        """The enrollment's id."""
        return self.enrollment.id

    @property
    def rules(self) -> ProfileRules:
        """What it is carried out by; understood only within a step, where an error is counted."""
        return rules_of(self.kept_rules)

    @property
    def state(self) -> EnrollmentState:
        """The enrollment's state as this claim knows it."""
        return EnrollmentState(self.enrollment.state)

    def outlasts(self, call: timedelta) -> bool:
        """Whether a call that begins now and takes so long ends while this is still ours."""
        return timedelta(seconds=boottime() - self.taken_at) + call <= self.lease


async def take(
    session: AsyncSession | AsyncConnection, enrollment_id: UUID, lease: timedelta
) -> Claim | Busy | None:
    """Claim the enrollment if it is due and free; None when there is nothing to do."""
    taken_at = boottime()
    asked = {"enrollment": enrollment_id, "active": _ACTIVE}
    taken = await _TAKE.fetch(session, asked | {"lease": lease})
    if not taken:
        held = await _HELD_FOR.fetch(session, asked)
        return Busy(max(timedelta(0), held[0]["wait"])) if held else None
    enrollment = Enrollment(**taken[0])
    # Only now, when the row is ours, is it certain what belongs to it.
    (row,) = await _BELONGINGS.fetch(session, {"enrollment": enrollment_id})
    return Claim(
        enrollment=enrollment,
        attempt=_attempt(row),
        attempts=row["attempts"],
        renews_ca_ref=row["renews_ca_ref"],
        connection=connection_from(row),
        kept_rules=row["rules"],
        refused=row["status"] == "refused" and row["local_version"] == row["version"],
        generation=enrollment.lease_generation,
        taken_at=taken_at,
        lease=lease,
        now=row["now"],
    )


def _attempt(row: Mapping[str, Any]) -> EnrollmentAttempt | None:
    if row["attempt_number"] is None:
        return None
    columns = EnrollmentAttempt.__table__.c.keys()
    return EnrollmentAttempt(**{name: row[f"attempt_{name}"] for name in columns})


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
    values["state"] = state.value
    statement = _moving(_shape(values), event.table, tuple(event.values))
    told = {f"event_{name}": value for name, value in event.values.items()}
    if (await session.execute(statement, _held(claim, values) | told)).one_or_none() is None:
        raise Lost
    claim.enrollment.state = state.value


async def write(session: AsyncSession, claim: Claim, **values: Any) -> None:
    """Update the enrollment under the claim; raises Lost when the row moved on.

    A value may be a `Later`.
    """
    statement = _writing(_shape(values))
    if await changed_rows(session, statement, _held(claim, values)) != 1:
        raise Lost


def lasting(claim: Claim, lease: timedelta) -> dict[str, Any]:
    """Values by which `write` and `move` keep the claim for `lease` from now on."""
    claim.taken_at, claim.lease = boottime(), lease
    return {"lease_until": Later(lease, "clock_timestamp")}


async def write_attempt(session: AsyncSession, claim: Claim, **values: Any) -> None:
    """Update the live attempt; call after `write` or `move`, whose row lock makes it ours.

    A value may be a `Later`.
    """
    assert claim.attempt is not None
    held = {"enrollment": claim.id, "attempt": claim.attempt.number}
    statement = _writing_attempt(_shape(values))
    if await changed_rows(session, statement, held | _new(values)) != 1:
        raise Lost


@dataclass(frozen=True, slots=True)
class Later:
    """So long after the transaction began, or after what another clock of PostgreSQL shows."""

    wait: timedelta
    clock: str = "now"


NOW: Final = Later(timedelta(0))
"""When the transaction began."""

AT_LAST: Final = Later(timedelta(0), "clock_timestamp")
"""When the statement runs."""

_Shape = tuple[tuple[str, str | None], ...]


def _shape(values: Mapping[str, Any]) -> _Shape:
    """Each column with the clock it is set by, if by any."""
    return tuple(
        (name, value.clock if isinstance(value, Later) else None) for name, value in values.items()
    )


def _new(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"new_{name}": value.wait if isinstance(value, Later) else value
        for name, value in values.items()
    }


def _held(claim: Claim, values: Mapping[str, Any]) -> dict[str, Any]:
    return {"enrollment": claim.id, "generation": claim.generation} | _new(values)


# Each made once: putting one together takes longer than running it.
@cache
def _writing(shape: _Shape) -> Update:
    return (
        update(_ENROLLMENTS)
        .where(
            _ENROLLMENTS.c.id == bindparam("enrollment"),
            _ENROLLMENTS.c.lease_generation == bindparam("generation"),
        )
        .values(updated_at=func.now(), **_set(_ENROLLMENTS, shape))
    )


@cache
def _moving(shape: _Shape, events: TableClause, columns: tuple[str, ...]) -> ReturningUpdate[Any]:
    event = insert(events).values({name: bindparam(f"event_{name}") for name in columns})
    return (
        _writing(shape)
        .values(version=_ENROLLMENTS.c.version + 1)
        .add_cte(event.cte())  # when no row is ours, the event goes with the transaction
        .returning(func.pg_notify(CHANNEL, cast(_ENROLLMENTS.c.id, Text)))
    )


@cache
def _writing_attempt(shape: _Shape) -> Update:
    return (
        update(_ATTEMPTS)
        .where(
            _ATTEMPTS.c.enrollment_id == bindparam("enrollment"),
            _ATTEMPTS.c.number == bindparam("attempt"),
            _ATTEMPTS.c.ended_at.is_(None),
        )
        .values(_set(_ATTEMPTS, shape))
    )


def _set(table: Table, shape: _Shape) -> dict[str, Any]:
    return {
        name: getattr(func, clock)() + bindparam(f"new_{name}", type_=Interval)
        if clock
        else bindparam(f"new_{name}", type_=table.c[name].type)
        for name, clock in shape
    }
