"""Approving and declining revocations that wait for approval, and taking revocations back."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.certificates import repository
from scm_api.core.access import Principal, require_privilege
from scm_api.core.approval import Requester
from scm_api.core.errors import Conflict
from scm_api.core.vocabulary import Privilege, RevocationState
from scm_api.db.audit import record
from scm_api.db.models import Certificate
from scm_api.issuance.approval import clock, require_approver, require_not_own
from scm_api.issuance.revocation import send, state_at
from scm_api.web.concurrency import Expected

_AGAIN: Final = "Ask for a revocation anew if the certificate is to be revoked."
# What whoever wanted to decide about a revocation can do, by how far it is.
_INSTEAD: Final[Mapping[RevocationState | None, str]] = {
    None: "Nobody asked for one: revoke the certificate if it is to be revoked.",
    RevocationState.PENDING_APPROVAL: "It waits for approval: approve, decline or cancel it.",
    RevocationState.SCHEDULED: "It is scheduled: cancel it, or ask for it anew at another time.",
    RevocationState.REQUESTED: "It is on the way to the CA: enroll anew if it was a mistake.",
    RevocationState.PENDING_CA: "The CA has it: enroll anew if it was a mistake.",
    RevocationState.DONE: "The certificate is revoked: enroll anew if it was a mistake.",
    RevocationState.REFUSED: f"The CA refused it. {_AGAIN}",
    RevocationState.DECLINED: f"It was declined. {_AGAIN}",
    RevocationState.CANCELED: f"It was taken back. {_AGAIN}",
    RevocationState.EXPIRED: f"Nobody approved it in time. {_AGAIN}",
}


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
    told = {"self_approved": True} if own else {}
    _record(session, caller, row, "revocation_approved", comment, **told)
    await send(session, caller, row, {"comment": comment})
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
        raise Conflict(f"No revocation can be taken back. {_INSTEAD[state]}", code="wrong-state")
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
    require_approver(caller)
    state = state_at(row, await clock(session))
    if state is not RevocationState.PENDING_APPROVAL:
        raise Conflict(f"No revocation waits for approval. {_INSTEAD[state]}", code="wrong-state")
    known_to = frozenset(row.revocation_requester_known_to)
    requester = Requester(row.revocation_requester_id, known_to)
    own = await require_not_own(session, caller, requester)
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
