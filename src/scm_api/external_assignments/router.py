"""`/organizations/{id}/external-assignments`."""

from uuid import UUID

from fastapi import APIRouter, Response

from scm_api.db.models import ExternalAssignment
from scm_api.external_assignments import repository, service
from scm_api.external_assignments.schemas import (
    ExternalAssignmentCreate,
    ExternalAssignmentOut,
    ExternalAssignmentPage,
    ExternalAssignmentUpdate,
)
from scm_api.web.auth import Caller
from scm_api.web.concurrency import IfMatch, IfMatchOptional
from scm_api.web.deps import App, Db
from scm_api.web.idempotency import OnceOnly
from scm_api.web.openapi import problems
from scm_api.web.operations import Operation
from scm_api.web.pagination import Paged
from scm_api.web.replies import reply

router = APIRouter(
    route_class=Operation,
    prefix="/organizations/{organization_id}/external-assignments",
    tags=["Organizations"],
)


@router.post(
    "",
    operation_id="create_external_assignment",
    summary="Assign an external organization",
    status_code=201,
    response_model=ExternalAssignmentOut,
    responses=problems(400, 403, 404, 409, 413, 422, 502),
)
async def create(
    organization_id: UUID, body: ExternalAssignmentCreate, caller: Caller, app: App, once: OnceOnly
) -> Response:
    """For whom the organization and its departments enroll through this CA backend.

    The CA is asked whether it validated that one: without a validation in force the answer is 409
    and says which is missing.
    """
    known = await service.survey(app, caller, organization_id, body.ca_backend_id)
    return await once.create(
        lambda session: service.create(session, caller, organization_id, body, known)
    )


@router.get(
    "",
    operation_id="list_external_assignments",
    summary="List external assignments",
    response_model=ExternalAssignmentPage,
    responses=problems(400, 404),
)
async def index(organization_id: UUID, caller: Caller, database: Db, page: Paged) -> Response:
    """Its own, newest first. A department without one uses that of its organization."""
    async with database.transaction() as session:
        await repository.require_organization(session, caller, organization_id)
        query = repository.external_assignments(organization_id)
        rows = await page.fetch(session, query, ExternalAssignment.id)
    return page.reply([dict(row) for row in rows])


@router.get(
    "/{external_assignment_id}",
    operation_id="get_external_assignment",
    summary="Read an external assignment",
    response_model=ExternalAssignmentOut,
    responses=problems(404),
)
async def read(
    organization_id: UUID, external_assignment_id: UUID, caller: Caller, database: Db
) -> Response:
    """With what the CA last said about the external organization."""
    async with database.transaction() as session:
        await repository.require_organization(session, caller, organization_id)
        return reply(await repository.content(session, organization_id, external_assignment_id))


@router.patch(
    "/{external_assignment_id}",
    operation_id="update_external_assignment",
    summary="Assign another external organization",
    response_model=ExternalAssignmentOut,
    responses=problems(400, 403, 404, 409, 412, 413, 422, 428, 502),
)
async def update(
    organization_id: UUID,
    external_assignment_id: UUID,
    body: ExternalAssignmentUpdate,
    caller: Caller,
    app: App,
    expected: IfMatch,
) -> Response:
    """Of the same account. What was accepted for the one before and not yet ordered is parked."""
    wanted = body.external_organization_id
    content = await service.update(
        app, caller, organization_id, external_assignment_id, wanted, expected
    )
    return reply(content)


@router.delete(
    "/{external_assignment_id}",
    operation_id="delete_external_assignment",
    summary="Take an external organization away",
    status_code=204,
    responses=problems(403, 404, 409, 412),
)
async def delete(
    organization_id: UUID,
    external_assignment_id: UUID,
    caller: Caller,
    database: Db,
    expected: IfMatchOptional,
) -> Response:
    """409 names the enrollments that are under way for it."""
    async with database.transaction() as session:
        await service.delete(session, caller, organization_id, external_assignment_id, expected)
    return Response(status_code=204)
