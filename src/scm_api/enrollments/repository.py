"""Rows of enrollments, as the contract shows them."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal
from scm_api.core.approval import UNANSWERED
from scm_api.core.errors import NotFound
from scm_api.core.vocabulary import EnrollmentState
from scm_api.db.models import Certificate, Enrollment, EnrollmentAttempt
from scm_api.db.scope import within
from scm_api.db.statements import AnySelect
from scm_api.issuance.approval import state_now, unanswered

_SHOWN = (
    "id",
    "organization_id",
    "certificate_profile_id",
    "profile_version",
    "ca_backend_id",
    "certificate_type",
    "requester_id",
    "renews_certificate_id",
    "replace_reason",
    "bulk_renewal_id",
    "external_organization_id",
    "spki_sha256",
    "key_type",
    "key_made",
    "common_name",
    "names",
    "term_days",
    "not_after",
    "comment",
    "order_options",
    "subject",
    "state",
    "reason_code",
    "reason",
    "cancel_requested_at",
    "approval_expires_at",
    "self_approved",
    "created_at",
    "updated_at",
    "version",
)
_OVER = unanswered()
_AT_THE_CA = Enrollment.state == EnrollmentState.PENDING_CA.value
# Expiry is seen without anything having run.
_AS_OF_NOW = {
    "state": state_now(),
    "reason_code": case((_OVER, UNANSWERED[0]), else_=Enrollment.reason_code),
    "reason": case((_OVER, UNANSWERED[1]), else_=Enrollment.reason),
}


def in_state(state: EnrollmentState) -> ColumnElement[bool]:
    """Enrollments in this state as of now."""
    stored = Enrollment.state == state.value
    match state:
        case EnrollmentState.PENDING_APPROVAL:
            return and_(stored, Enrollment.approval_expires_at > func.now())
        case EnrollmentState.CANCELED:
            return or_(stored, _OVER)
        case _:
            return stored


def enrollments(principal: Principal) -> AnySelect:
    """Enrollments the caller may see, with the last attempt's reference."""
    return _all().where(_visible(principal))


@cache
def _all() -> AnySelect:
    """Put together once: that takes longer than running it."""
    last = (
        select(EnrollmentAttempt.ca_ref, EnrollmentAttempt.waits_for)
        .where(EnrollmentAttempt.enrollment_id == Enrollment.id)
        .order_by(EnrollmentAttempt.number.desc())
        .limit(1)
        .lateral()
    )
    columns = [
        _AS_OF_NOW[name].label(name) if name in _AS_OF_NOW else getattr(Enrollment, name)
        for name in _SHOWN
    ]
    return (
        select(
            *columns,
            func.coalesce(Certificate.term, Enrollment.term).label("term"),
            Enrollment.due_at.label("next_step_at"),
            Certificate.id.label("certificate_id"),
            last.c.ca_ref,
            case((_AT_THE_CA, last.c.waits_for)).label("waits_for"),
        )
        .outerjoin(Certificate, Certificate.enrollment_id == Enrollment.id)
        .outerjoin(last, Enrollment.id.is_not(None))
    )


def _visible(principal: Principal) -> ColumnElement[bool]:
    return within(principal, Enrollment.organization_id, Enrollment.certificate_type)


async def enrollment(
    session: AsyncSession, principal: Principal, enrollment_id: UUID
) -> dict[str, Any]:
    """One enrollment as the contract shows it; raises NotFound."""
    query = enrollments(principal).where(Enrollment.id == enrollment_id)
    row = (await session.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound("enrollment")
    return dict(row)


def content_of_new(values: dict[str, Any]) -> dict[str, Any]:
    """A just stored enrollment as the contract shows it, without reading it back."""
    shown = {name: values.get(name) for name in _SHOWN}
    nothing = {"certificate_id": None, "ca_ref": None, "waits_for": None}
    return shown | nothing | {"term": values["term"], "next_step_at": values["due_at"]}


async def locked(session: AsyncSession, principal: Principal, enrollment_id: UUID) -> Enrollment:
    """The row itself, locked for a decision; raises NotFound."""
    query = (
        select(Enrollment)
        .where(Enrollment.id == enrollment_id, _visible(principal))
        .with_for_update()
    )
    row = await session.scalar(query)
    if row is None:
        raise NotFound("enrollment")
    return row
