"""`/enrollments`."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Response

from scm_api.core.access import require_privilege
from scm_api.core.vocabulary import EnrollmentState, Privilege
from scm_api.db.models import Enrollment
from scm_api.enrollments import (
    adopting,
    approving,
    asking,
    deciding,
    made_keys,
    on_behalf,
    repository,
    service,
)
from scm_api.enrollments.details import detailed
from scm_api.enrollments.schemas import (
    Adoption,
    DecisionOrNone,
    EnrollmentCreate,
    EnrollmentCreated,
    EnrollmentDetail,
    EnrollmentOut,
    EnrollmentPage,
    Refusal,
    ValidationOut,
)
from scm_api.issuance.waiting import Wait, looked_at, made, making, prefer, wait_for_end
from scm_api.web.auth import Caller
from scm_api.web.concurrency import IfMatch, IfMatchOptional
from scm_api.web.deps import App, Db
from scm_api.web.idempotency import OnceOnly
from scm_api.web.openapi import problems
from scm_api.web.operations import Operation
from scm_api.web.pagination import Paged
from scm_api.web.parameters import HEX, OfCaBackend, OfOrganization, OfProfile, OfType, Sha256
from scm_api.web.replies import reply

router = APIRouter(prefix="/enrollments", tags=["Enrollments"], route_class=Operation)
_OfBulkRenewal = Annotated[UUID | None, Query(description="Of this bulk renewal.")]


@router.post(
    "",
    operation_id="create_enrollment",
    summary="Enroll for a certificate",
    **making(EnrollmentCreated, 400, 403, 409, 413, 422),
)
async def create(
    body: EnrollmentCreate,
    app: App,
    once: OnceOnly,
    wait: Wait,
) -> Response:
    """Judged at once: refused with every fault listed, or stored and sent to the CA by a worker.

    The answer is 202 with the enrollment's address, or 201 with the certificate's address when it
    was issued within `Prefer: wait=N`. With an Idempotency-Key a repeat never orders twice.
    """
    caller = once.caller
    subject = await on_behalf.subject_of(app, caller, body)
    if body.generate_key is not None:
        once = once.told_apart_by(body.model_dump_json(exclude={"generate_key": {"password"}}))
    key, answer = await made_keys.made_or_kept(app, once, body, subject)
    if answer is None:
        request = service.request_of(body, key.csr if key else None, subject)
        answer = await service.enroll(caller, app, request, once)
    if not wait.seconds and body.generate_key is None:
        return answer
    content = orjson.loads(answer.body)
    content = await looked_at(app.database, caller, content, wait, repository.enrollment)
    if body.generate_key is not None:
        content |= {"private_key": await made_keys.deliver(app.database, key, content)}
    return made(content, wait)


@router.post(
    "/validate",
    operation_id="validate_enrollment",
    summary="Check an enrollment without creating it",
    response_model=ValidationOut,
    responses=problems(400, 403, 409, 413, 422, 503),
)
async def validate(
    body: EnrollmentCreate,
    caller: Caller,
    app: App,
    ask_ca: Annotated[
        bool,
        Query(description="Have the CA judge as well what is without faults, where it can."),
    ] = False,
) -> Response:
    """Lists the faults `POST /enrollments` would list, and stores nothing. The CA is called only
    with `ask_ca`, and then to judge: it takes no order."""
    require_privilege(caller, Privilege.ENROLL, "enroll")
    subject = await on_behalf.subject_of(app, caller, body)
    if body.generate_key is not None:
        judged = await made_keys.judge(app, caller, body, subject)
        async with app.database.each_statement() as connection:
            judged = await service.with_room(connection, judged)
        return reply(service.validation_content(judged))
    request = service.request_of(body, subject=subject)
    async with app.database.each_statement() as connection:
        judged = await service.dry_run(connection, caller, app, request)
    if ask_ca and not judged.faults and await asking.learn_first(app, judged):
        async with app.database.each_statement() as connection:
            judged = await service.dry_run(connection, caller, app, request)
    if not ask_ca or judged.faults:
        return reply(service.validation_content(judged))
    judged, ca_asked = await asking.ask_ca(app, judged)
    return reply(service.validation_content(judged, ca_asked=ca_asked))


@router.get(
    "",
    operation_id="list_enrollments",
    summary="List enrollments",
    response_model=EnrollmentPage,
    responses=problems(400),
)
async def index(
    caller: Caller,
    database: Db,
    page: Paged,
    organization_id: OfOrganization = None,
    certificate_profile_id: OfProfile = None,
    ca_backend_id: OfCaBackend = None,
    certificate_type: OfType = None,
    bulk_renewal_id: _OfBulkRenewal = None,
    state: Annotated[EnrollmentState | None, Query(description="Only in this state.")] = None,
    spki_sha256: Annotated[
        Sha256 | None, Query(description=f"Of the SubjectPublicKeyInfo. {HEX}")
    ] = None,
) -> Response:
    """Newest first. `state=parked` and `state=pending_approval` are what waits for a person."""
    wanted = {
        Enrollment.organization_id: organization_id,
        Enrollment.certificate_profile_id: certificate_profile_id,
        Enrollment.ca_backend_id: ca_backend_id,
        Enrollment.certificate_type: certificate_type,
        Enrollment.bulk_renewal_id: bulk_renewal_id,
        Enrollment.spki_sha256: spki_sha256,
    }
    conditions = [column == value for column, value in wanted.items() if value is not None]
    if state is not None:
        conditions.append(repository.in_state(state))
    query = repository.enrollments(caller).where(*conditions)
    async with database.transaction() as session:
        rows = await page.fetch(session, query, Enrollment.id)
    return page.reply([dict(row) for row in rows])


@router.get(
    "/{enrollment_id}",
    operation_id="get_enrollment",
    summary="Read an enrollment",
    response_model=EnrollmentDetail,
    responses=problems(404),
    openapi_extra=prefer(),
)
async def read(
    enrollment_id: UUID,
    caller: Caller,
    database: Db,
    wait: Wait,
) -> Response:
    """Everything there is to know before deciding about it, and its history.

    With `Prefer: wait=N` the answer is held until it is final or waits for a person.
    """
    content = await wait_for_end(database, caller, enrollment_id, wait, detailed)
    return reply(content, headers=wait.applied)


@router.post(
    "/{enrollment_id}/approve",
    operation_id="approve_enrollment",
    summary="Approve an enrollment",
    response_model=EnrollmentOut,
    responses=problems(403, 404, 409, 412, 422, 428),
    openapi_extra=prefer(),
)
async def approve(
    enrollment_id: UUID,
    body: DecisionOrNone,
    caller: Caller,
    database: Db,
    expected: IfMatch,
    wait: Wait,
) -> Response:
    """By another admin than the requester. What is ordered then is exactly what was approved.

    Of several decisions the first counts; the others get 409.
    """
    async with database.transaction() as session:
        content = await approving.approve(session, caller, enrollment_id, body.comment, expected)
    content = await looked_at(database, caller, content, wait, repository.enrollment)
    return reply(content, headers=wait.applied)


@router.post(
    "/{enrollment_id}/decline",
    operation_id="decline_enrollment",
    summary="Decline an enrollment",
    response_model=EnrollmentOut,
    responses=problems(403, 404, 409, 412, 422, 428),
)
async def decline(
    enrollment_id: UUID, body: Refusal, caller: Caller, database: Db, expected: IfMatch
) -> Response:
    """By another admin than the requester, who reads the comment as `reason`. It is final."""
    async with database.transaction() as session:
        content = await approving.decline(session, caller, enrollment_id, body.comment, expected)
    return reply(content)


@router.post(
    "/{enrollment_id}/retry",
    operation_id="retry_enrollment",
    summary="Order a parked enrollment anew",
    response_model=EnrollmentOut,
    responses={
        202: {"model": EnrollmentOut, "description": "Stored; it waits for approval again."},
        **problems(403, 404, 409, 412, 422),
    },
    openapi_extra=prefer(),
)
async def retry(
    enrollment_id: UUID,
    body: DecisionOrNone,
    caller: Caller,
    app: App,
    expected: IfMatchOptional,
    wait: Wait,
) -> Response:
    """For a person who has looked at the CA and found no certificate for it there.

    The order gets a new token, so the CA takes it as a new one. Where the profile requires
    approval, the new order has to be approved as well.
    """
    within = app.settings.approval_within
    async with app.database.transaction() as session:
        content = await deciding.retry(
            session, caller, enrollment_id, body.comment, expected, within
        )
    content = await looked_at(app.database, caller, content, wait, repository.enrollment)
    return reply(content, status=deciding.status_of_retried(content), headers=wait.applied)


@router.post(
    "/{enrollment_id}/adopt",
    operation_id="adopt_enrollment",
    summary="Take over an order found at the CA",
    response_model=EnrollmentOut,
    responses=problems(403, 404, 409, 412, 422),
    openapi_extra=prefer(),
)
async def adopt(
    enrollment_id: UUID,
    body: Adoption,
    caller: Caller,
    database: Db,
    expected: IfMatchOptional,
    wait: Wait,
) -> Response:
    """For a parked enrollment whose answer was lost, when the CA has its order. MRAO only.

    Nothing is ordered: the service follows that order from here on, and compares what the CA issued
    with what was asked for. A certificate for another key is not taken.
    """
    async with database.transaction() as session:
        content = await adopting.adopt(
            session, caller, enrollment_id, body.ca_ref, body.comment, expected
        )
    content = await looked_at(database, caller, content, wait, repository.enrollment)
    return reply(content, headers=wait.applied)


@router.post(
    "/{enrollment_id}/cancel",
    operation_id="cancel_enrollment",
    summary="Take an enrollment back",
    response_model=EnrollmentOut,
    responses={
        202: {"model": EnrollmentOut, "description": "Stored; the CA is asked to take it back."},
        **problems(403, 404, 409, 412, 422),
    },
    openapi_extra=prefer(),
)
async def cancel(
    enrollment_id: UUID,
    body: DecisionOrNone,
    caller: Caller,
    database: Db,
    expected: IfMatchOptional,
    wait: Wait,
) -> Response:
    """At once while it waits to be sent, also because the CA is away, or is parked.

    What was sent and not answered is 409 until it is known what became of it. What is at the CA
    already is canceled there, where `can_cancel` of its type of backend says so: 202, and the state
    is `canceled` once the CA did it. A certificate that the CA issued meanwhile is kept.
    """
    async with database.transaction() as session:
        content = await deciding.cancel(session, caller, enrollment_id, body.comment, expected)
    content = await looked_at(database, caller, content, wait, repository.enrollment)
    return reply(content, status=deciding.status_of_canceled(content), headers=wait.applied)


@router.get(
    "/{enrollment_id}/certificate",
    operation_id="get_enrollment_certificate",
    summary="Go to the certificate of an enrollment",
    status_code=303,
    response_class=Response,
    responses={303: {"description": "`Location` is the certificate."}, **problems(404, 409)},
)
async def certificate(enrollment_id: UUID, caller: Caller, database: Db) -> Response:
    """303 to the certificate once it is issued; 409 with the state until then."""
    async with database.transaction() as session:
        content = await repository.enrollment(session, caller, enrollment_id)
    location = service.certificate_address(content)
    return Response(status_code=303, headers={"Location": location})
