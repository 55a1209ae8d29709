"""Renewing and replacing: enrollments that follow from a certificate."""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import orjson
from fastapi import Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.certificates import repository
from scm_api.certificates.schemas import Renewal, Replacement
from scm_api.certificates.service import must_be_revocable, requires_approval
from scm_api.core.access import Principal, require_privilege
from scm_api.core.errors import Conflict
from scm_api.core.lifecycle import FINAL
from scm_api.core.names import Name, names_from
from scm_api.core.succession import require_replaceable
from scm_api.core.vocabulary import EnrollmentState, Privilege
from scm_api.db.models import Certificate, Enrollment
from scm_api.db.session import Database
from scm_api.issuance.approval import clock
from scm_api.issuance.intake import Judged, Request, accept
from scm_api.issuance.judgement import Asked
from scm_api.issuance.renewal import judge_successor, kept_subject
from scm_api.issuance.revocation import block_replaced, state_at
from scm_api.issuance.waiting import Waiting, looked_at, made
from scm_api.web.deps import Resources

_SAME_NAMES: Final = "the names of the certificate before; enroll anew for others"


@dataclass(frozen=True, slots=True)
class _Old:
    """The certificate that is followed, with the enrollment it came from; its row is locked."""

    row: Certificate
    names: list[Name]
    before: Enrollment


async def renew(
    session: AsyncSession, caller: Principal, app: Resources, certificate_id: UUID, body: Renewal
) -> Response:
    """An enrollment for the same names through the same profile, judged by the rules of today.

    Raises Conflict where the profile allows no renewals, Invalid with every fault.
    """
    old = await _old(session, caller, certificate_id, "renew")
    request = _request(old, body.csr, Asked(old.names, body.term_days, body.not_after))
    request = replace(request, comment=body.comment)
    judged = await _judged(session, caller, app, old, request)
    if judged.facts is not None and not judged.facts.rules.allow_renew:
        raise Conflict("The certificate profile does not allow renewals.", code="renew-not-allowed")
    return await _accepted(session, caller, app, judged)


async def replace_certificate(
    session: AsyncSession,
    caller: Principal,
    app: Resources,
    certificate_id: UUID,
    body: Replacement,
) -> Response:
    """An enrollment for the same names until the same end; the old certificate is revoked once the
    new one is there.

    Where enrollments or revocations of the profile are approved, one approval is for both. Raises
    Conflict for what cannot be replaced or revoked, Invalid with every fault.
    """
    old = await _old(session, caller, certificate_id, "replace")
    require_privilege(caller, Privilege.REVOKE, "replace certificates")
    now = await clock(session)
    require_replaceable(state_at(old.row, now), old.row.not_after, now)
    await _require_no_other(session, old.row)
    await must_be_revocable(session, old.row, body.reason)
    request = replace(
        _request(old, body.csr, Asked(old.names, None, old.row.not_after)),
        comment=body.comment,
        replace_reason=body.reason,
        requires_approval=await requires_approval(session, old.row),
    )
    judged = await _judged(session, caller, app, old, request)
    return await _accepted(session, caller, app, judged)


async def _require_no_other(session: AsyncSession, row: Certificate) -> None:
    open_one = await session.scalar(
        select(Enrollment.id).where(
            Enrollment.renews_certificate_id == row.id,
            Enrollment.replace_reason.is_not(None),
            Enrollment.state.not_in(FINAL),
        )
    )
    if open_one is not None:
        raise Conflict(
            f"It is being replaced already, by enrollment {open_one}: wait for that, or cancel it "
            "first.",
            code="wrong-state",
        )


async def _old(session: AsyncSession, caller: Principal, certificate_id: UUID, verb: str) -> _Old:
    row = await repository.locked(session, caller, certificate_id)
    require_privilege(caller, Privilege.ENROLL, f"{verb} certificates")
    if row.quarantined:
        raise Conflict(
            f"A quarantined certificate cannot be followed ({verb}); enroll anew.",
            code="certificate-quarantined",
        )
    before = await session.get_one(Enrollment, row.enrollment_id)
    # The same set as in the certificate, whose rows may hold a long one in part.
    names = names_from(before.names)
    return _Old(row, names, before)


def _request(old: _Old, csr: str, asked: Asked) -> Request:
    return Request(
        organization_id=old.row.organization_id,
        certificate_profile_id=old.row.certificate_profile_id,
        csr=csr,
        asked=asked,
        renews_certificate_id=old.row.id,
        order_options=old.before.order_options,
        subject=kept_subject(old.before),
    )


async def _judged(
    session: AsyncSession, caller: Principal, app: Resources, old: _Old, request: Request
) -> Judged:
    judged = await judge_successor(session, caller, old.row, request, app.key_checks)
    return _at_fields_of_the_body(judged)


def _at_fields_of_the_body(judged: Judged) -> Judged:
    """Names, organization, profile and a replacement's end are those of the certificate, not of the
    body. What is wrong with names is wrong with the CSR; with the others, with the whole."""
    moved = {"/names": "/csr", "/certificate_profile_id": "", "/organization_id": ""}
    faults = []
    for fault in judged.faults:
        if judged.request.replace_reason is not None and fault.pointer == "/not_after":
            fault = replace(fault, pointer="", accepted="a renewal or a new enrollment")
        start = "/" + fault.pointer[1:].partition("/")[0]
        same = _SAME_NAMES if fault.code == "names-differ" else fault.accepted
        faults.append(replace(fault, pointer=moved.get(start, fault.pointer), accepted=same))
    return replace(judged, faults=tuple(dict.fromkeys(faults)))


async def _accepted(
    session: AsyncSession, caller: Principal, app: Resources, judged: Judged
) -> Response:
    values = await accept(session, caller, judged, app.settings.approval_within)
    if values["state"] == EnrollmentState.APPROVED:
        await block_replaced(session, caller, values)
    return made(
        {
            "enrollment_id": values["id"],
            "state": values["state"],
            "version": values["version"],
            "certificate_id": None,
        }
    )


async def settled(
    database: Database, caller: Principal, answer: Response, wait: Waiting
) -> Response:
    """The answer of `renew` or `replace_certificate`, held for the certificate where the caller
    waits for it."""
    if not wait.seconds:
        return answer
    content = orjson.loads(answer.body)
    return made(await looked_at(database, caller, content, wait, repository.successor), wait)
