"""Four eyes: approving and declining what waits for approval."""

from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal
from scm_api.core.approval import Requester
from scm_api.core.lifecycle import Move
from scm_api.db.jobs import Job, enqueue
from scm_api.db.models import Enrollment
from scm_api.enrollments import repository
from scm_api.enrollments.deciding import decide, next_state
from scm_api.issuance.approval import approved_by, require_approver, require_not_own
from scm_api.issuance.revocation import block_replaced
from scm_api.web.concurrency import Expected


async def approve(
    session: AsyncSession,
    caller: Principal,
    enrollment_id: UUID,
    comment: str,
    expected: Expected,
) -> dict[str, Any]:
    """Let an enrollment go on to the CA as it stands now, which is kept as a digest.

    Raises Forbidden (`self-approval`), Conflict when it waits no longer, Stale when the caller
    read another version.
    """
    row, own = await _waiting(session, caller, enrollment_id, Move.APPROVE, expected)
    digest = approved_by(row).digest
    values = {"due_at": func.now(), "approval_digest": digest, "self_approved": own}
    told = {"digest": digest} | ({"self_approved": True} if own else {})
    await decide(session, caller, row, Move.APPROVE, comment, values, **told)
    replaced = {
        "id": row.id,
        "replace_reason": row.replace_reason,
        "renews_certificate_id": row.renews_certificate_id,
        "comment": row.comment,
    }
    await block_replaced(session, caller, replaced)
    await enqueue(session, Job.ADVANCE_ENROLLMENT, enrollment_id, row.organization_id)
    return await repository.enrollment(session, caller, enrollment_id)


async def decline(
    session: AsyncSession,
    caller: Principal,
    enrollment_id: UUID,
    comment: str,
    expected: Expected,
) -> dict[str, Any]:
    """End an enrollment that waits for approval; raises what `approve` raises."""
    row, _ = await _waiting(session, caller, enrollment_id, Move.DECLINE, expected)
    values = {"reason_code": "declined", "reason": comment}
    await decide(session, caller, row, Move.DECLINE, comment, values)
    return await repository.enrollment(session, caller, enrollment_id)


async def _waiting(
    session: AsyncSession, caller: Principal, enrollment_id: UUID, step: Move, expected: Expected
) -> tuple[Enrollment, bool]:
    """The row, locked, and whether it is the caller's own request.

    That it waits no longer is said before whose it is, and that the caller's version is an old one.
    """
    row = await repository.locked(session, caller, enrollment_id)
    require_approver(caller)
    await next_state(session, row, step)
    requester = Requester(row.requester_id, frozenset(row.requester_known_to))
    own = await require_not_own(session, caller, requester)
    expected.check(row.version)
    return row, own
