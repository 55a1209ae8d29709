"""Taking over an order that a person found at the CA, after its answer was lost."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal, require_account_wide
from scm_api.core.errors import Conflict, Invalid
from scm_api.core.lifecycle import Move
from scm_api.core.recovery import token_of
from scm_api.db.jobs import Job, enqueue
from scm_api.db.models import (
    Certificate,
    CertificateProfileVersion,
    Enrollment,
    EnrollmentAttempt,
)
from scm_api.enrollments import repository
from scm_api.enrollments.deciding import decide, end_open_attempt, next_state
from scm_api.issuance.rules import ProfileRules
from scm_api.web.concurrency import Expected


async def adopt(
    session: AsyncSession,
    caller: Principal,
    enrollment_id: UUID,
    ca_ref: str,
    comment: str,
    expected: Expected,
) -> dict[str, Any]:
    """Follow the order `ca_ref` from here on; nothing is ordered.

    What comes of it is compared with the request as ever, and what is for another key is not taken.
    Raises Conflict when the enrollment is not parked, has a certificate, or another enrollment has
    that reference, and Invalid where the CA of its profile gives no such references.
    """
    row = await repository.locked(session, caller, enrollment_id)
    require_account_wide(caller, "adopt orders found at the CA")
    await next_state(session, row, Move.ADOPT)
    expected.check(row.version)
    if await session.scalar(
        select(Certificate.id).where(Certificate.enrollment_id == enrollment_id)
    ):
        raise Conflict(
            "There is a certificate of this enrollment, which is quarantined.",
            code="certificate-quarantined",
        )
    await _judge(session, row, ca_ref)
    # Nobody wished to have this order taken back.
    values = {
        "reason_code": None,
        "reason": None,
        "due_at": func.now(),
        "cancel_requested_at": None,
    }
    await decide(session, caller, row, Move.ADOPT, comment, values, ca_ref=ca_ref)
    await end_open_attempt(session, enrollment_id, "given up")
    await _open_attempt(session, row, ca_ref)
    await enqueue(session, Job.ADVANCE_ENROLLMENT, enrollment_id, row.organization_id)
    return await repository.enrollment(session, caller, enrollment_id)


async def _judge(session: AsyncSession, row: Enrollment, ca_ref: str) -> None:
    kept = await session.get_one(
        CertificateProfileVersion, (row.certificate_profile_id, row.profile_version)
    )
    rules = ProfileRules.model_validate(kept.rules)
    if faults := rules.kind.judge_reference(rules.typed_options, ca_ref):
        raise Invalid(faults)


async def _open_attempt(session: AsyncSession, row: Enrollment, ca_ref: str) -> None:
    """The attempt that had this reference, or one that never sent anything and is told by that."""
    known = await session.scalar(
        update(EnrollmentAttempt)
        .where(EnrollmentAttempt.enrollment_id == row.id, EnrollmentAttempt.ca_ref == ca_ref)
        .values(ended_at=None, outcome=None, untraced_at=None, seen_pending_at=None)
        .returning(EnrollmentAttempt.number)
    )
    if known is not None:
        return
    last = await session.scalar(
        select(func.coalesce(func.max(EnrollmentAttempt.number), 0)).where(
            EnrollmentAttempt.enrollment_id == row.id
        )
    )
    number = int(last or 0) + 1
    session.add(
        EnrollmentAttempt(
            enrollment_id=row.id,
            number=number,
            ca_backend_id=row.ca_backend_id,
            token=token_of(row.id, number),
            ca_ref=ca_ref,
        )
    )
    await session.flush()
