"""Approving and declining revocations that wait for approval, and taking revocations back."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.certificates import repository
from scm_api.core.access import Principal, require_privilege
from scm_api.core.approval import Requester
from scm_api.core.errors import Conflict
from scm_api.core.vocabulary import Privilege, RevocationState
from scm_api.db.audit import record
from scm_api.db.models import Certificate
from scm_api.issuance.approval import clock, require_approver
from scm_api.issuance.revocation import send, state_at
from scm_api.web.concurrency import Expected


async def approve(
    session: AsyncSession,
    caller: Principal,
    certificate_id: UUID,
    comment: str,
    expected: Expected,
) -> dict[str, Any]:
    """Let a revocation go on to the CA.

    Raises Forbidden (`self-approval`), Conflict when none waits, Stale when the caller read
    another version.
    """
    row, own = await _waiting(session, caller, certificate_id, expected)
    row.revocation_self_approved = own
    await send(session, row)
    told = {"self_approved": True} if own else {}
    _record(session, caller, row, "revocation_approved", comment, **told)
    await session.flush()
    return await repository.certificate(session, caller, certificate_id)


async def decline(
    session: AsyncSession,
    caller: Principal,
    certificate_id: UUID,
    comment: str,
    expected: Expected,
) -> dict[str, Any]:
    """End a revocation that waits for approval; raises what `approve` raises."""
    row, _ = await _waiting(session, caller, certificate_id, expected)
    row.revocation_state = RevocationState.DECLINED.value
    row.revocation_detail = comment
    row.version += 1
    _record(session, caller, row, "revocation_declined", comment)
    await session.flush()
    return await repository.certificate(session, caller, certificate_id)


async def cancel(
    session: AsyncSession,
    caller: Principal,
    certificate_id: UUID,
    comment: str,
    expected: Expected,
) -> dict[str, Any]:
    """Take a revocation back that the CA has not heard of.

    Raises Conflict once it is on the way to the CA, Stale when the caller read another version.
    """
    row = await repository.locked(session, caller, certificate_id)
    require_privilege(caller, Privilege.REVOKE, "cancel revocations")
    state = state_at(row, await clock(session))
    if state not in (RevocationState.PENDING_APPROVAL, RevocationState.SCHEDULED):
        found = f"it is {state.value}" if state else "nobody asked for one"
        raise Conflict(f"No revocation can be taken back; {found}.", code="wrong-state")
    expected.check(row.version)
    row.revocation_state = RevocationState.CANCELED.value
    row.revocation_detail = comment or None
    row.version += 1
    _record(session, caller, row, "revocation_canceled", comment)
    await session.flush()
    return await repository.certificate(session, caller, certificate_id)


async def _waiting(
    session: AsyncSession, caller: Principal, certificate_id: UUID, expected: Expected
) -> tuple[Certificate, bool]:
    """The row, locked, and whether its revocation is the caller's own request."""
    row = await repository.locked(session, caller, certificate_id)
    known_to = frozenset(row.revocation_requester_known_to)
    requester = Requester(row.revocation_requester_id, known_to)
    own = await require_approver(session, caller, requester)
    state = state_at(row, await clock(session))
    if state is not RevocationState.PENDING_APPROVAL:
        found = f"it is {state.value}" if state else "nobody asked for one"
        raise Conflict(f"No revocation waits for approval; {found}.", code="wrong-state")
    expected.check(row.version)
    return row, own


def _record(
    session: AsyncSession,
    caller: Principal,
    row: Certificate,
    verb: str,
    comment: str,
    **details: Any,
) -> None:
    record(
        session,
        caller,
        f"certificate.{verb}",
        ("certificate", row.id),
        organization_id=row.organization_id,
        details={"reason": row.revocation_reason, "comment": comment} | details,
    )
