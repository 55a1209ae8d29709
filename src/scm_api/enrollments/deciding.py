"""What people decide about enrollments that are there: taking them back, ordering them anew."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal, require_privilege
from scm_api.core.approval import state_at
from scm_api.core.errors import Conflict
from scm_api.core.lifecycle import Move, after, wrong_state
from scm_api.core.vocabulary import EnrollmentState, Privilege
from scm_api.correlation import request_id
from scm_api.db.audit import record
from scm_api.db.jobs import Job, enqueue
from scm_api.db.models import (
    CaBackend,
    Certificate,
    CertificateProfile,
    Enrollment,
    EnrollmentAttempt,
)
from scm_api.db.statements import changed_rows
from scm_api.drivers.registry import REGISTRY
from scm_api.enrollments import repository
from scm_api.issuance.approval import clock
from scm_api.web.concurrency import Expected


async def retry(
    session: AsyncSession,
    caller: Principal,
    enrollment_id: UUID,
    comment: str,
    expected: Expected,
    approval_within: timedelta,
) -> dict[str, Any]:
    """Order a parked enrollment anew, because a person made sure that nothing is open at the CA.

    Where its profile requires approval, today or when it was asked for, the new order waits for
    it, at most `approval_within`.
    Raises Conflict when it is not parked, or parked because of a certificate that exists.
    """
    row = await repository.locked(session, caller, enrollment_id)
    require_privilege(caller, Privilege.ENROLL, "retry enrollments")
    expected.check(row.version)
    quarantined = exists().where(
        Certificate.enrollment_id == enrollment_id, Certificate.quarantined.is_not(None)
    )
    if await session.scalar(select(quarantined)):
        raise Conflict(
            "The CA issued a certificate for this enrollment, which is quarantined. "
            "Revoke it, cancel this enrollment, and enroll again.",
            code="certificate-quarantined",
        )
    await end_open_attempt(session, enrollment_id, "given up")
    # A wish to have the order before taken back says nothing about the new one.
    values: dict[str, Any] = {"reason_code": None, "reason": None, "cancel_requested_at": None}
    if row.approval_expires_at is None and not await _requires_approval(session, row):
        values |= {"due_at": func.now()}
        await decide(session, caller, row, Move.RETRY, comment, values)
        await enqueue(session, Job.ADVANCE_ENROLLMENT, enrollment_id, row.organization_id)
    else:
        values |= {"approval_expires_at": func.now() + approval_within}
        values |= {"approval_digest": None, "self_approved": False, "due_at": None}
        await decide(session, caller, row, Move.ASK_AGAIN, comment, values)
    return await repository.enrollment(session, caller, enrollment_id)


async def _requires_approval(session: AsyncSession, row: Enrollment) -> bool:
    """Whether today's profile does; a replacement is a revocation as well."""
    profile = await session.get_one(CertificateProfile, row.certificate_profile_id)
    replaces = row.replace_reason is not None
    return profile.requires_approval or (replaces and profile.revocation_requires_approval)


async def cancel(
    session: AsyncSession,
    caller: Principal,
    enrollment_id: UUID,
    comment: str,
    expected: Expected,
) -> dict[str, Any]:
    """Take an enrollment back: at once where nothing is open at the CA, or it is parked.

    What the CA has is canceled there by a worker, where CAs of its type do that. Raises Conflict
    where they do not (`not-supported`), or it is too late for it. No order is sent after this: a
    worker stores that it is about to send one in the row that is locked here, under its claim.
    """
    row = await repository.locked(session, caller, enrollment_id)
    require_privilege(caller, Privilege.ENROLL, "cancel enrollments")
    await next_state(session, row, Move.CANCEL)
    expected.check(row.version)
    if row.state == EnrollmentState.PENDING_CA:
        await _cancel_at_the_ca(session, caller, row, comment)
    else:
        values: dict[str, Any] = {"due_at": None}
        if row.state == EnrollmentState.SUBMITTING:
            await _require_unsent(session, row.id)
        if row.state != EnrollmentState.PARKED:
            values |= {"reason_code": None, "reason": None}  # what it waited for
        await decide(session, caller, row, Move.CANCEL, comment, values)
        await end_open_attempt(session, enrollment_id, "canceled")
    return await repository.enrollment(session, caller, enrollment_id)


async def _cancel_at_the_ca(
    session: AsyncSession, caller: Principal, row: Enrollment, comment: str
) -> None:
    """Store the wish and its job, once; whether the certificate is there first is for the CA to
    say."""
    if row.cancel_requested_at is not None:
        return
    backend_type = await session.scalar(
        select(CaBackend.backend_type).where(CaBackend.id == row.ca_backend_id)
    )
    if not REGISTRY[str(backend_type)].capabilities.can_cancel:
        raise Conflict(
            "The CA has the order, and CAs of this type do not take orders back. "
            "Revoke the certificate once it is issued.",
            code="not-supported",
        )
    await _require_own_order(session, row.id)
    values = {"cancel_requested_at": func.now(), "due_at": func.now()}
    await _write_unheld(session, row, values)
    _record(session, caller, row, "cancel_requested", comment)
    await enqueue(session, Job.ADVANCE_ENROLLMENT, row.id, row.organization_id)


async def _require_unsent(session: AsyncSession, enrollment_id: UUID) -> None:
    """Raises Conflict when an order may have reached the CA. The enrollment's row is locked."""
    sent = exists().where(
        EnrollmentAttempt.enrollment_id == enrollment_id,
        EnrollmentAttempt.ended_at.is_(None),
        EnrollmentAttempt.first_sent_at.is_not(None),
    )
    if await session.scalar(select(sent)):
        raise wrong_state(EnrollmentState.SUBMITTING, Move.CANCEL)


async def _require_own_order(session: AsyncSession, enrollment_id: UUID) -> None:
    """Of an order that a person took over, nobody knows yet whether it is the one of this
    enrollment: it may be somebody else's, who wants it. Raises Conflict."""
    found = await session.scalar(
        select(EnrollmentAttempt.ca_ref).where(
            EnrollmentAttempt.enrollment_id == enrollment_id,
            EnrollmentAttempt.ended_at.is_(None),
            EnrollmentAttempt.first_sent_at.is_(None),
        )
    )
    if found is not None:
        raise Conflict(
            f"The order {found} was adopted, and only its certificate will show whose it is. "
            "Revoke that if it turns out to be of this enrollment.",
            code="not-supported",
        )


def status_of_retried(content: dict[str, Any]) -> int:
    """202 while somebody has to approve it first."""
    return 202 if content["state"] == EnrollmentState.PENDING_APPROVAL else 200


def status_of_canceled(content: dict[str, Any]) -> int:
    """202 while the CA has yet to say whether it takes the order back."""
    return 202 if content["state"] == EnrollmentState.PENDING_CA else 200


async def end_open_attempt(session: AsyncSession, enrollment_id: UUID, outcome: str) -> None:
    """Nothing more is done about the order that was under way, if one was."""
    await session.execute(
        update(EnrollmentAttempt)
        .where(
            EnrollmentAttempt.enrollment_id == enrollment_id, EnrollmentAttempt.ended_at.is_(None)
        )
        .values(ended_at=func.now(), outcome=outcome)
    )


async def next_state(session: AsyncSession, row: Enrollment, step: Move) -> EnrollmentState:
    """Where `step` leads as of now; raises Conflict (`wrong-state`) where it does not lead."""
    now = await clock(session)
    return after(state_at(EnrollmentState(row.state), row.approval_expires_at, now), step)


async def decide(
    session: AsyncSession,
    caller: Principal,
    row: Enrollment,
    step: Move,
    comment: str,
    values: dict[str, Any],
    **details: Any,
) -> None:
    """One state change by a person, only while no worker holds the enrollment.

    `details` go into the audit event, beside the comment.
    """
    state = await next_state(session, row, step)
    await _write_unheld(session, row, {"state": state.value} | values)
    _record(session, caller, row, step.value, comment, **details)


async def _write_unheld(session: AsyncSession, row: Enrollment, values: dict[str, Any]) -> None:
    """Change the row while no worker holds it; one that held it before finds its claim lost."""
    statement = (
        update(Enrollment)
        .where(
            Enrollment.id == row.id,
            or_(Enrollment.lease_until.is_(None), Enrollment.lease_until <= func.clock_timestamp()),
        )
        .values(
            version=Enrollment.version + 1,
            updated_at=func.now(),
            lease_generation=Enrollment.lease_generation + 1,
            steps=0,
            failures=0,
            request_id=request_id.get(),
            **values,
        )
    )
    if await changed_rows(session, statement) != 1:
        raise Conflict(
            "It is being sent to the CA, or asked about there, right now; try again in a moment.",
            code="in-progress",
        )


def _record(
    session: AsyncSession,
    caller: Principal,
    row: Enrollment,
    verb: str,
    comment: str,
    **details: Any,
) -> None:
    record(
        session,
        caller,
        f"enrollment.{verb}",
        ("enrollment", row.id),
        organization_id=row.organization_id,
        details=({"comment": comment} if comment else {}) | details,
    )
