"""Having certificates revoked: stored with the job that has the CA do it."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core import revocation
from scm_api.core.access import Principal
from scm_api.core.instants import rfc_3339
from scm_api.core.succession import UNDER_WAY
from scm_api.core.vocabulary import RevocationReason, RevocationState
from scm_api.correlation import request_id
from scm_api.db.audit import record
from scm_api.db.jobs import Job, enqueue
from scm_api.db.models import BlockedKey, Certificate, Enrollment
from scm_api.issuance.approval import clock


def state_now() -> ColumnElement[str | None]:
    """How far a revocation is, by the rule of `core.revocation.state_at`."""
    over = and_(
        Certificate.revocation_state == RevocationState.PENDING_APPROVAL.value,
        Certificate.revocation_expires_at <= func.now(),
    )
    due = and_(
        Certificate.revocation_state == RevocationState.SCHEDULED.value,
        Certificate.revocation_effective_at <= func.now(),
    )
    return case(
        (over, RevocationState.EXPIRED.value),
        (due, RevocationState.REQUESTED.value),
        else_=Certificate.revocation_state,
    )


def state_at(row: Certificate, now: datetime) -> RevocationState | None:
    """The state of a certificate's revocation as of `now`, None when nobody asked for any."""
    stored = RevocationState(row.revocation_state) if row.revocation_state else None
    return revocation.state_at(
        stored,
        now,
        approval_expires_at=row.revocation_expires_at,
        effective_at=row.revocation_effective_at,
    )


async def ask(
    session: AsyncSession,
    caller: Principal,
    row: Certificate,
    reason: RevocationReason,
    *,
    approve_until: datetime | None,
    told: Mapping[str, Any],
    effective_at: datetime | None = None,
) -> None:
    """Store the wish to revoke; with `approve_until` it waits for approval, at most until then.

    The CA is told when `effective_at` has come, None is at once.
    `told` goes into the audit event. The row is locked by the caller.
    """
    details = dict(told)
    _ask(row, reason.value, caller.admin_id, sorted(caller.known_to))
    row.revocation_expires_at = approve_until
    row.revocation_effective_at = effective_at
    if effective_at is not None:
        details |= {"effective_at": rfc_3339(effective_at)}
    row.revocation_self_approved = False
    if approve_until is not None:
        row.revocation_state = RevocationState.PENDING_APPROVAL.value
        row.version += 1
        details |= {"waits_for_approval": True}
    _record(session, caller, row, details)
    if approve_until is None:
        await send(session, caller, row, told)
    await session.flush()


async def send(
    session: AsyncSession, caller: Principal | None, row: Certificate, told: Mapping[str, Any]
) -> None:
    """Have a worker revoke at the CA, once its time has come; a compromised key is blocked from
    here on, and `told` goes into the audit event of that."""
    wait = timedelta(0)
    if row.revocation_effective_at is not None:
        wait = max(wait, row.revocation_effective_at - await clock(session))
    # Whoever is telling the CA at the moment finds out afterwards, and tells it again.
    is_told = row.revocation_state == RevocationState.REQUESTED
    row.revocation_state = (
        RevocationState.SCHEDULED.value if wait else RevocationState.REQUESTED.value
    )
    row.revocation_request_id = request_id.get()
    row.version += 1
    if row.revocation_reason == RevocationReason.KEY_COMPROMISE:
        await block_keys(session, caller, [row], told)
    if not is_told:
        await enqueue(session, Job.REVOKE_CERTIFICATE, row.id, row.organization_id, delay=wait)


async def block_replaced(
    session: AsyncSession, caller: Principal, enrollment: Mapping[str, Any]
) -> None:
    """A key that is given up as compromised is blocked as soon as its replacement is accepted, or
    approved where that is required: nothing else may be made with it meanwhile.

    `enrollment` are the columns of the replacement.
    """
    if enrollment["replace_reason"] != RevocationReason.KEY_COMPROMISE:
        return
    row = await session.get_one(Certificate, enrollment["renews_certificate_id"])
    told = {"comment": enrollment["comment"], "replaced_by_enrollment_id": str(enrollment["id"])}
    await block_keys(session, caller, [row], told)


def changes_nothing(
    row: Certificate,
    reason: RevocationReason,
    now: datetime,
    effective_at: datetime | None = None,
) -> bool:
    """Whether asking for a revocation again is a repeat: it is under way or done, or scheduled for
    the same time and reason.

    Asking for more than before (`core.revocation.asks_for_more`) is none.
    """
    state = state_at(row, now)
    if state is RevocationState.SCHEDULED:
        scheduled = (row.revocation_reason, row.revocation_effective_at)
        return scheduled == (reason.value, effective_at)
    return state in UNDER_WAY and not revocation.asks_for_more(state, reason_of(row), reason)


def reason_of(row: Certificate) -> RevocationReason | None:
    """For which reason a certificate is revoked, or is to be."""
    return RevocationReason(row.revocation_reason) if row.revocation_reason else None


def is_held(row: Certificate, now: datetime) -> bool:
    """Whether it is on hold at the CA, or about to be (`core.revocation.is_held`). That somebody
    was to approve; revoking it for good takes nothing more away that the service gives back."""
    return revocation.is_held(state_at(row, now), reason_of(row))


async def revoke_replaced(session: AsyncSession, enrollment: Enrollment) -> None:
    """Have the certificate revoked that an enrollment replaces; does nothing for any other.

    Belongs into the transaction that records the new certificate: never before, so that nobody is
    left without one, and never forgotten after. A revocation that is under way stays as it is; one
    that waited for approval goes on, since the replacement was accepted, or approved, with it.
    """
    if enrollment.replace_reason is None:
        return
    row = await session.get_one(
        Certificate,
        enrollment.renews_certificate_id,
        # The new certificate refers to the row and so locks it a little: more could deadlock.
        with_for_update={"key_share": True},
        populate_existing=True,
    )
    reason = RevocationReason(enrollment.replace_reason)
    told = {"replaced_by_enrollment_id": str(enrollment.id)}
    await revoke_succeeded(session, row, enrollment, reason, told)


async def revoke_succeeded(
    session: AsyncSession,
    row: Certificate,
    enrollment: Enrollment,
    reason: RevocationReason,
    told: dict[str, Any],
) -> None:
    """Have a certificate revoked because of what `enrollment` led to; `told` goes into the audit
    event. The row is locked by the caller. What is under way or done stays as it is, other than a
    hold."""
    state = RevocationState(row.revocation_state) if row.revocation_state else None
    more = revocation.asks_for_more(state, reason_of(row), reason)
    if state in revocation.SENT and not more:
        return
    # A compromised key that waited for approval is no weaker reason for being replaced meanwhile.
    waits = row.revocation_state == RevocationState.PENDING_APPROVAL
    graver = waits and row.revocation_reason == RevocationReason.KEY_COMPROMISE
    _ask(
        row,
        RevocationReason.KEY_COMPROMISE.value if graver else reason.value,
        enrollment.requester_id,
        enrollment.requester_known_to,
    )
    row.revocation_expires_at = None
    row.revocation_effective_at = None
    row.revocation_self_approved = enrollment.self_approved
    _record(session, None, row, told)
    await send(session, None, row, told)
    await session.flush()


def _ask(row: Certificate, reason: str, requester_id: UUID, known_to: list[UUID]) -> None:
    row.revocation_reason = reason
    row.revocation_detail = None
    row.revocation_requested_at = func.now()
    row.revocation_requester_id = requester_id
    row.revocation_requester_known_to = known_to


def _record(
    session: AsyncSession, caller: Principal | None, row: Certificate, details: dict[str, Any]
) -> None:
    record(
        session,
        caller,
        "certificate.revocation_requested",
        ("certificate", row.id),
        organization_id=row.organization_id,
        details={"reason": row.revocation_reason} | details,
    )


async def block_keys(
    session: AsyncSession,
    caller: Principal | None,
    certificates: Iterable[Certificate],
    told: Mapping[str, Any],
) -> frozenset[str]:
    """No certificate is issued for the keys of these from here on, in any organization; returns
    those that were not blocked before.

    Each of them leaves an audit event, with `told`, at one of the certificates that have the key.
    In one order, so that two who block the same keys never wait for each other.
    """
    by_key = {row.spki_sha256: row for row in certificates}
    if not by_key:
        return frozenset()
    reason, why = RevocationReason.KEY_COMPROMISE.value, "revoked for key compromise"
    rows = [{"spki_sha256": key, "reason": why} for key in sorted(by_key)]
    added = insert(BlockedKey).values(rows).on_conflict_do_nothing()
    blocked = frozenset(await session.scalars(added.returning(BlockedKey.spki_sha256)))
    for key in sorted(blocked):
        record(
            session,
            caller,
            "certificate.key_blocked",
            ("certificate", by_key[key].id),
            organization_id=by_key[key].organization_id,
            details={"reason": reason, "spki_sha256": key} | dict(told),
        )
    return blocked
