"""What may be done to enrollments."""

from dataclasses import replace
from typing import Any

from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal, require_privilege
from scm_api.core.errors import Conflict, Fault, Invalid
from scm_api.core.names import Name, names_as_json
from scm_api.core.subjects import Subject
from scm_api.core.vocabulary import Privilege
from scm_api.db.statements import Single
from scm_api.enrollments import repository
from scm_api.enrollments.schemas import EnrollmentCreate
from scm_api.issuance.intake import (
    Judged,
    Request,
    accept,
    intent,
    judge_request,
    limit_of,
    shown_term,
    store,
)
from scm_api.issuance.judgement import Asked
from scm_api.issuance.quota import room_faults
from scm_api.issuance.waiting import made
from scm_api.web.deps import Resources
from scm_api.web.idempotency import Once
from scm_api.web.problems import fault_members


def request_of(
    body: EnrollmentCreate,
    made_csr: bytes | None = None,
    subject: Subject | Fault | None = None,
) -> Request:
    """The body as a request, with the CSR in it or the one made for it, and for whom it is made.

    Raises Invalid when it asks for two ends at once, or has not one CSR or key to be made.
    """
    if (body.csr is None) == (body.generate_key is None):
        detail = "Send a CSR, or have a key made: one of the two."
        raise Invalid([Fault("/csr", "field-required", detail, "csr, or generate_key with names")])
    if body.term_days is not None and body.not_after is not None:
        detail = "Ask for a term or for an end, not for both."
        raise Invalid([Fault("/not_after", "term-not-allowed", detail, "one of the two")])
    names = None if body.names is None else [Name(name.kind, name.value) for name in body.names]
    return Request(
        organization_id=body.organization_id,
        certificate_profile_id=body.certificate_profile_id,
        csr=made_csr or body.csr or "",
        asked=Asked(names, body.term_days, body.not_after),
        comment=body.comment,
        key_made=made_csr is not None,
        order_options=body.order_options.model_dump(mode="json") if body.order_options else None,
        subject=subject,
    )


class _CountedByPerson(Exception):
    """Counting and storing belong into one transaction, which most enrollments do without."""


async def enroll(caller: Principal, app: Resources, request: Request, once: Once) -> Response:
    """Judge and store; the answer is 202 with where to look, and is kept with what it tells of.

    Raises Invalid with every fault, Conflict where a person has too many certificates.
    """
    require_privilege(caller, Privilege.ENROLL, "enroll")
    try:
        return await once.create_in_one(
            lambda connection: _store_at_once(connection, caller, app, request, once)
        )
    except _CountedByPerson:
        return await once.create(lambda session: _count_and_store(session, caller, app, request))


async def _store_at_once(
    connection: Single,
    caller: Principal,
    app: Resources,
    request: Request,
    once: Once,
) -> Response:
    judged = await judge_request(connection, caller, request, app.key_checks)
    values = intent(caller, judged, app.settings.approval_within)
    if limit_of(judged) is not None:
        raise _CountedByPerson
    answer = made(repository.content_of_new(values))
    kept = once.kept_rows(answer)
    await store(connection, caller, values, *kept, key_in_use=judged.key_in_use)
    return answer


async def _count_and_store(
    session: AsyncSession, caller: Principal, app: Resources, request: Request
) -> Response:
    judged = await judge_request(session, caller, request, app.key_checks)
    values = await accept(session, caller, judged, app.settings.approval_within)
    return made(repository.content_of_new(values))


def certificate_address(content: dict[str, Any]) -> str:
    """Where the certificate of an enrollment is; raises Conflict while there is none."""
    if content["certificate_id"] is None:
        state = content["state"]
        raise Conflict(
            f"There is no certificate yet; the enrollment is {state}.", code="not-issued"
        )
    return f"/certificates/{content['certificate_id']}"


async def dry_run(
    connection: Single, caller: Principal, app: Resources, request: Request
) -> Judged:
    """Judge as `create` would, with the room a person has left among the faults."""
    judged = await judge_request(connection, caller, request, app.key_checks)
    return await with_room(connection, judged)


async def with_room(connection: Single, judged: Judged) -> Judged:
    """With the room a person has left among the faults."""
    if judged.facts is None or judged.judgement is None:
        return judged
    limit, names = limit_of(judged), judged.judgement.names
    full = await room_faults(connection, limit, judged.facts, names)
    return replace(judged, faults=[*judged.faults, *full])


def validation_content(judged: Judged, *, ca_asked: bool = False) -> dict[str, Any]:
    """What the dry run answers."""
    judgement = judged.judgement
    term = judgement.term if judgement else None
    names = judgement.names if judgement else ()
    return {
        "valid": not judged.faults,
        "ca_asked": ca_asked,
        "errors": fault_members(judged.faults),
        "names": names_as_json(names),
        "key_type": judged.csr.key_type if judged.csr else None,
        "term_days": term.days if term else None,
        "not_after": term.not_after if term else None,
        "term": shown_term(judged),
    }
