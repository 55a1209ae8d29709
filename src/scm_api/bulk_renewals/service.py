"""Renewing many certificates: everything is stored with one commit, or nothing is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Response
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.bulk_renewals import repository
from scm_api.bulk_renewals.schemas import BulkRenewalCreate
from scm_api.core.access import Principal, require_privilege
from scm_api.core.errors import Conflict, Fault, Invalid
from scm_api.core.succession import judge_renewable
from scm_api.core.vocabulary import Privilege
from scm_api.db.audit import record
from scm_api.db.base import new_id
from scm_api.db.models import BulkRenewal
from scm_api.issuance.approval import clock
from scm_api.issuance.intake import Judged, intent, limit_of, store
from scm_api.issuance.quota import take_room, take_turns
from scm_api.issuance.renewal import judge_successor, request_again
from scm_api.issuance.revocation import state_at
from scm_api.web.deps import Resources
from scm_api.web.references import unknown_reference
from scm_api.web.replies import reply


async def create(
    session: AsyncSession, caller: Principal, app: Resources, body: BulkRenewalCreate
) -> Response:
    """An enrollment for each certificate, with the CSR it was made with; workers send them.

    Raises Invalid with the faults of each certificate that is not there or cannot be renewed;
    nothing is stored then.
    """
    require_privilege(caller, Privilege.ENROLL, "renew certificates")
    wanted = sorted(set(body.certificate_ids))
    await repository.lock(session, caller, wanted)
    found = {
        row.Certificate.id: row for row in await repository.certificates(session, caller, wanted)
    }
    bulk = BulkRenewal(id=new_id(), requester_id=caller.admin_id, comment=body.comment)
    judged = await _judged(session, caller, app, bulk, found)
    if faults := _faults(body.certificate_ids, judged):
        raise Invalid(faults)
    session.add(bulk)
    details = {"comment": bulk.comment, "certificates": len(found)}
    record(session, caller, "bulk_renewal.created", ("bulk_renewal", bulk.id), details=details)
    await session.flush()
    full = await _store(session, caller, app, list(judged.values()))
    if faults := _faults(body.certificate_ids, {**judged, **full}):
        raise Invalid(faults)
    content = await repository.bulk_renewal(session, caller, bulk.id)
    headers = {"Location": f"/bulk-renewals/{bulk.id}", "Retry-After": "2"}
    return reply(content, status=202, headers=headers)


async def _judged(
    session: AsyncSession,
    caller: Principal,
    app: Resources,
    bulk: BulkRenewal,
    found: Mapping[UUID, Row[Any]],
) -> dict[UUID, Judged]:
    now = await clock(session)
    judged = {}
    for certificate_id, row in found.items():
        request = await request_again(
            session, row.Certificate, row.Enrollment, bulk.comment, bulk_renewal_id=bulk.id
        )
        one = await judge_successor(session, caller, row.Certificate, request, app.key_checks)
        allowed = one.facts is None or one.facts.rules.allow_renew
        also = _renewable(row, now, allowed=allowed)
        judged[certificate_id] = replace(one, faults=[*one.faults, *also])
    return judged


def _renewable(row: Row[Any], now: datetime, *, allowed: bool) -> list[Fault]:
    return judge_renewable(
        state_at(row.Certificate, now),
        quarantined=bool(row.Certificate.quarantined),
        followed=row.is_followed,
        allowed=allowed,
    )


def _faults(asked: Sequence[UUID], judged: Mapping[UUID, Judged]) -> list[Fault]:
    """Those of each certificate, at its place in the body; each is said once."""
    faults: list[Fault] = []
    for index, certificate_id in enumerate(asked):
        pointer = f"/certificate_ids/{index}"
        if certificate_id in judged:
            found = judged[certificate_id].faults
            faults += dict.fromkeys(replace(fault, pointer=pointer) for fault in found)
        else:
            faults.append(unknown_reference(pointer, "certificate"))
    return faults


async def _store(
    session: AsyncSession, caller: Principal, app: Resources, judged: Sequence[Judged]
) -> dict[UUID, Judged]:
    """Store each; returns those whose people have too many certificates."""
    values = [intent(caller, one, app.settings.approval_within) for one in judged]
    await take_turns(session, values)
    full = {}
    for one, columns in zip(judged, values, strict=True):
        try:
            await take_room(session, limit_of(one), columns)
        except Conflict as reached:
            fault = Fault("", reached.code, reached.detail)
            full[columns["renews_certificate_id"]] = replace(one, faults=[fault])
        else:
            await store(session, caller, columns, key_in_use=one.key_in_use)
    return full
