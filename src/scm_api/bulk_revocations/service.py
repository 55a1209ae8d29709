"""Revoking many certificates: everything is stored with one commit, or nothing is."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import Response
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.bulk_revocations import repository
from scm_api.bulk_revocations.schemas import BulkRevocationCreate
from scm_api.core.access import Principal, require_privilege
from scm_api.core.errors import Fault, Invalid
from scm_api.core.revocation import judge_taking_place
from scm_api.core.vocabulary import Privilege, RevocationReason, RevocationState
from scm_api.db.audit import record
from scm_api.db.base import new_id
from scm_api.db.models import BulkRevocation, BulkRevocationCertificate
from scm_api.issuance.approval import clock
from scm_api.issuance.revocability import judge_reason
from scm_api.issuance.revocation import ask, block_keys, changes_nothing, is_held, state_at
from scm_api.web.references import unknown_reference
from scm_api.web.replies import reply


async def create(
    session: AsyncSession,
    caller: Principal,
    body: BulkRevocationCreate,
    approval_within: timedelta,
) -> Response:
    """Store the wish to revoke each certificate, with its job; CAs do it, one by one.

    A certificate whose revocation is under way or done stays as it is. Where the profile requires
    approval, each waits for its own. Raises Invalid with a fault for each certificate that is not
    there or cannot be revoked; nothing is stored then.
    """
    require_privilege(caller, Privilege.REVOKE, "revoke certificates")
    found = {
        row.Certificate.id: row
        for row in await repository.locked(session, caller, sorted(set(body.certificate_ids)))
    }
    now = await clock(session)
    if faults := _faults(body.certificate_ids, body.reason, found, now):
        raise Invalid(faults)
    bulk = BulkRevocation(
        id=new_id(),
        requester_id=caller.admin_id,
        reason=body.reason.value,
        comment=body.comment,
    )
    session.add(bulk)
    await session.flush()
    session.add_all(
        BulkRevocationCertificate(bulk_revocation_id=bulk.id, certificate_id=certificate_id)
        for certificate_id in found
    )
    details = {"reason": bulk.reason, "comment": bulk.comment, "certificates": len(found)}
    subject = ("bulk_revocation", bulk.id)
    record(session, caller, "bulk_revocation.created", subject, details=details)
    await _ask_for_each(session, caller, bulk, list(found.values()), approval_within)
    await session.flush()
    content = await repository.bulk_revocation(session, caller, bulk.id)
    headers = {"Location": f"/bulk-revocations/{bulk.id}", "Retry-After": "2"}
    return reply(content, status=202, headers=headers)


async def _ask_for_each(
    session: AsyncSession,
    caller: Principal,
    bulk: BulkRevocation,
    rows: Sequence[Row[Any]],
    approval_within: timedelta,
) -> None:
    now = await clock(session)
    reason = RevocationReason(bulk.reason)
    told = {"comment": bulk.comment, "bulk_revocation_id": str(bulk.id)}
    blocked: frozenset[str] = frozenset()
    if reason is RevocationReason.KEY_COMPROMISE:
        at_once = [
            row.Certificate
            for row in rows
            if not row.revocation_requires_approval
            or state_at(row.Certificate, now) is RevocationState.DONE
        ]
        blocked = await block_keys(session, caller, at_once, told)
    for row in rows:
        if changes_nothing(row.Certificate, reason, now):
            row.Certificate.version += row.Certificate.spki_sha256 in blocked
            continue
        waits = row.revocation_requires_approval and not is_held(row.Certificate, now)
        until = now + approval_within if waits else None
        await ask(session, caller, row.Certificate, reason, approve_until=until, told=told)


def _faults(
    asked: Sequence[UUID], reason: RevocationReason, found: Mapping[UUID, Row[Any]], now: datetime
) -> list[Fault]:
    faults: list[Fault] = []
    for index, certificate_id in enumerate(asked):
        pointer = f"/certificate_ids/{index}"
        row = found.get(certificate_id)
        if row is None:
            faults.append(unknown_reference(pointer, "certificate"))
        else:
            faults += judge_reason(row, reason, pointer)
            state, waits = state_at(row.Certificate, now), row.revocation_requires_approval
            faults += judge_taking_place(state, reason, waits=waits, pointer=pointer)
    return faults
