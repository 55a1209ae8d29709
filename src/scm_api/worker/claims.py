"""Taking an enrollment for one step, and writing only while it is still ours.

A claim is a lease with a generation on the row, on the database's clock. Whoever lost it finds
that no row matches and stops: `Lost`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Interval,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.lifecycle import ACTIVE
from scm_api.core.vocabulary import EnrollmentState
from scm_api.correlation import follow
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
from scm_api.db.statements import Single, Statement
from scm_api.gateway.connections import CONNECTION_COLUMNS, Connection, connection_from
from scm_api.issuance.facts import rules_of
from scm_api.issuance.rules import ProfileRules
from scm_api.worker.clock import boottime

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

    def follow(self) -> None:
        """Have all that this task logs, and its audit events, name the request and the order."""
        enrollment, attempt = self.enrollment, self.attempt
        number = attempt.number if attempt else None
        follow(enrollment.request_id, ca_backend_id=enrollment.ca_backend_id, attempt=number)

    def outlasts(self, call: timedelta) -> bool:
        """Whether a call that begins now and takes so long ends while this is still ours."""
        return timedelta(seconds=boottime() - self.taken_at) + call <= self.lease


async def take(
    session: AsyncSession | Single, enrollment_id: UUID, lease: timedelta
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
