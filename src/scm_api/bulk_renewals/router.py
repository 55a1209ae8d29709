"""`/bulk-renewals`."""

from uuid import UUID

from fastapi import APIRouter, Response

from scm_api.bulk_renewals import repository, service
from scm_api.bulk_renewals.schemas import BulkRenewalCreate, BulkRenewalOut, BulkRenewalPage
from scm_api.db.models import BulkRenewal
from scm_api.web.auth import Caller
from scm_api.web.deps import App, Db
from scm_api.web.idempotency import OnceOnly
from scm_api.web.openapi import problems
from scm_api.web.operations import Operation
from scm_api.web.pagination import Paged
from scm_api.web.replies import reply

router = APIRouter(prefix="/bulk-renewals", tags=["Certificates"], route_class=Operation)


@router.post(
    "",
    operation_id="create_bulk_renewal",
    summary="Renew many certificates",
    status_code=202,
    response_model=BulkRenewalOut,
    responses=problems(400, 403, 413, 422),
)
async def create(body: BulkRenewalCreate, caller: Caller, app: App, once: OnceOnly) -> Response:
    """Each gets an enrollment with the CSR it was made with, or none does and every certificate
    that cannot be renewed is listed, with the reason.

    For that their profiles have `renew_with_same_key`. Each is judged by the rules of today and,
    where its profile requires it, waits for an approval of its own. Read `progress` at `Location`,
    and `GET /enrollments?bulk_renewal_id=` for each one.
    """
    return await once.create(lambda session: service.create(session, caller, app, body))


@router.get(
    "",
    operation_id="list_bulk_renewals",
    summary="List bulk renewals",
    response_model=BulkRenewalPage,
    responses=problems(400),
)
async def index(caller: Caller, database: Db, page: Paged) -> Response:
    """Newest first, with how far each is now. Only enrollments you may see are counted."""
    async with database.transaction() as session:
        rows = await page.fetch(session, repository.bulk_renewals(caller), BulkRenewal.id)
    return page.reply([repository.content(row) for row in rows])


@router.get(
    "/{bulk_renewal_id}",
    operation_id="get_bulk_renewal",
    summary="Read a bulk renewal",
    response_model=BulkRenewalOut,
    responses=problems(404),
)
async def read(bulk_renewal_id: UUID, caller: Caller, database: Db) -> Response:
    """How far it is now. `finished` is true once each is issued or came to nothing."""
    async with database.transaction() as session:
        return reply(await repository.bulk_renewal(session, caller, bulk_renewal_id))
