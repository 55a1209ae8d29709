"""Approval of what waits, shared by enrollments, revocations and the worker."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal, require_privilege
from scm_api.core.approval import Approved, Requester, judge_approver
from scm_api.core.errors import Fault
from scm_api.core.vocabulary import EnrollmentState, Privilege, Role
from scm_api.db.models import AccountSettings, Admin, Enrollment
from scm_api.issuance.rules import ProfileRules


def require_approver(caller: Principal) -> None:
    """Raises Forbidden when the caller decides about nobody's requests."""
    require_privilege(caller, Privilege.APPROVE, "approve or decline requests")


async def require_not_own(session: AsyncSession, caller: Principal, requester: Requester) -> bool:
    """Whether the caller decides about their own request; raises Forbidden (`self-approval`) if
    they may not.

    To be asked of what the caller sees and of what waits, when the decision is made and not when it
    was shown.
    """
    own_allowed = await session.scalar(select(AccountSettings.mrao_may_approve_own_requests))
    common = requester.may_be(caller)
    mraos = select(Admin.id).where(Admin.id.in_(common), Admin.role == Role.MRAO.value)
    return judge_approver(
        caller,
        requester,
        own_allowed=bool(own_allowed),
        mraos=(await session.scalars(mraos)).all() if common else (),
    )


async def clock(session: AsyncSession) -> datetime:
    """The database's time now, not that of the transaction's start: locks may have been waited
    for since."""
    now: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return now


def unanswered() -> ColumnElement[bool]:
    """Enrollments that nobody approved or declined in time: they are over without any job run."""
    return and_(
        Enrollment.state == EnrollmentState.PENDING_APPROVAL.value,
        Enrollment.approval_expires_at <= func.now(),
    )


def state_now() -> ColumnElement[str]:
    """The state of an enrollment as of now."""
    return case((unanswered(), EnrollmentState.CANCELED.value), else_=Enrollment.state)


def approved_by(enrollment: Enrollment) -> Approved:
    """What an approval of this enrollment is for."""
    return Approved(
        csr_der=enrollment.csr_der,
        names=enrollment.names,
        term_days=enrollment.term_days,
        not_after=enrollment.not_after,
        certificate_profile_id=enrollment.certificate_profile_id,
        profile_version=enrollment.profile_version,
        replaces=(str(enrollment.renews_certificate_id), enrollment.replace_reason)
        if enrollment.replace_reason
        else None,
        order_options=enrollment.order_options,
        subject=enrollment.subject,
    )


def approval_faults(enrollment: Enrollment, rules: ProfileRules) -> list[Fault]:
    """Whether what is about to be ordered is what was approved, where approval was required.

    Code: `approval-differs`.
    """
    approved = enrollment.approval_digest == approved_by(enrollment).digest
    required = rules.requires_approval or enrollment.approval_expires_at is not None
    if approved or not required:
        return []
    return [Fault("", "approval-differs", "It is not what was approved.")]
