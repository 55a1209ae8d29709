"""`/bulk-revocations`."""

from uuid import UUID

from fastapi import APIRouter, Response

from scm_api.bulk_revocations import repository, service
from scm_api.bulk_revocations.schemas import (
    BulkRevocationCreate,
    BulkRevocationOut,
    BulkRevocationPage,
)
from scm_api.db.models import BulkRevocation
from scm_api.web.auth import Caller
from scm_api.web.deps import App, Db
from scm_api.web.idempotency import OnceOnly
from scm_api.web.openapi import problems
from scm_api.web.operations import Operation
from scm_api.web.pagination import Paged
from scm_api.web.replies import reply

router = APIRouter(prefix="/bulk-revocations", tags=["Certificates"], route_class=Operation)


@router.post(
    "",
    operation_id="create_bulk_revocation",
    summary="Revoke many certificates",
    status_code=202,
    response_model=BulkRevocationOut,
    responses=problems(400, 403, 413, 422),
)
async def create(body: BulkRevocationCreate, caller: Caller, app: App, once: OnceOnly) -> Response:
    """All of them are stored, or none: every certificate that cannot be revoked is listed.

    Workers have the CAs do it as fast as those allow; read `progress` at `Location`, and
    `GET /certificates?bulk_revocation_id=` for each one. Where a profile requires approval of
    revocations, each waits for its own. What is revoked already stays as it is.
    """
    within = app.settings.approval_within
    return await once.create(lambda session: service.create(session, caller, body, within))


@router.get(
    "",
    operation_id="list_bulk_revocations",
    summary="List bulk revocations",
    response_model=BulkRevocationPage,
    responses=problems(400),
)
async def index(caller: Caller, database: Db, page: Paged) -> Response:
    """Newest first, with how far each is now. Only certificates you may see are counted."""
    async with database.transaction() as session:
        query = repository.bulk_revocations(caller)
        rows = await page.fetch(session, query, BulkRevocation.id)
    return page.reply([repository.content(row) for row in rows])


@router.get(
    "/{bulk_revocation_id}",
    operation_id="get_bulk_revocation",
    summary="Read a bulk revocation",
    response_model=BulkRevocationOut,
    responses=problems(404),
)
async def read(bulk_revocation_id: UUID, caller: Caller, database: Db) -> Response:
    """How far it is now. `finished` is true once nothing waits for an approval or the CA."""
    async with database.transaction() as session:
        return reply(await repository.bulk_revocation(session, caller, bulk_revocation_id))
