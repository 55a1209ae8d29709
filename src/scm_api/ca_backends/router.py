"""`/ca-backends`."""

from dataclasses import replace
from operator import itemgetter
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from scm_api.ca_backends import repository, service
from scm_api.ca_backends.schemas import (
    BackendTypeList,
    CaBackendCreate,
    CaBackendOut,
    CaBackendPage,
    CaBackendUpdate,
    ExternalOrganizationList,
    IssuingCaList,
    ProductList,
    TemplateList,
)
from scm_api.ca_backends.types import backend_types
from scm_api.core.vocabulary import BackendStatus, BackendType
from scm_api.db.models import CaBackend
from scm_api.gateway.choices import Choice, Listing
from scm_api.web.auth import Caller
from scm_api.web.concurrency import IfMatch, IfMatchOptional
from scm_api.web.deps import App, Db
from scm_api.web.idempotency import OnceOnly
from scm_api.web.openapi import problems
from scm_api.web.operations import Operation
from scm_api.web.pagination import Paged, next_page
from scm_api.web.parameters import SearchText
from scm_api.web.replies import reply
from scm_api.web.schemas import Name

router = APIRouter(prefix="/ca-backends", tags=["CA backends"], route_class=Operation)

Refresh = Annotated[bool, Query(description="Read the CA again, even if it was read a moment ago.")]


@router.post(
    "",
    operation_id="create_ca_backend",
    summary="Create a CA backend",
    status_code=201,
    response_model=CaBackendOut,
    responses=problems(403, 409),
)
async def create(body: CaBackendCreate, caller: Caller, once: OnceOnly) -> Response:
    """A CA under the name profiles refer to. Nobody calls the CA yet: check it next."""
    return await once.create(lambda session: service.create_ca_backend(session, caller, body))


@router.get(
    "",
    operation_id="list_ca_backends",
    summary="List CA backends",
    response_model=CaBackendPage,
    responses=problems(),
)
async def index(
    caller: Caller,
    database: Db,
    page: Paged,
    name: Annotated[Name | None, Query(description="Exactly this name.")] = None,
    backend_type: Annotated[BackendType | None, Query(description="Of this type.")] = None,
    status: Annotated[BackendStatus | None, Query(description="In this status.")] = None,
    local_ca_backend_id: Annotated[
        UUID | None, Query(description="Behind this local CA backend.")
    ] = None,
) -> Response:
    """Newest first, each with the outcome of its last check.

    Who is no MRAO sees those of its profiles, without what tells of the connection.
    """
    query = repository.ca_backends(caller)
    if name is not None:
        query = query.where(CaBackend.name == name)
    if backend_type is not None:
        query = query.where(CaBackend.backend_type == backend_type.value)
    if status is not None:
        query = query.where(repository.status() == status.value)
    if local_ca_backend_id is not None:
        query = query.where(CaBackend.local_ca_backend_id == local_ca_backend_id)
    async with database.transaction() as session:
        rows = await page.fetch(session, query, CaBackend.id)
    return page.reply([repository.shown(caller, dict(row)) for row in rows])


@router.get(
    "/types",
    operation_id="list_backend_types",
    summary="List the types of CA backends",
    response_model=BackendTypeList,
    responses=problems(),
)
async def types(_caller: Caller) -> Response:
    """What each type can do, and JSON schemas to make forms for its options from."""
    return reply({"items": backend_types()})


@router.get(
    "/{ca_backend_id}",
    operation_id="get_ca_backend",
    summary="Read a CA backend",
    response_model=CaBackendOut,
    responses=problems(404),
)
async def read(ca_backend_id: UUID, caller: Caller, database: Db) -> Response:
    """One CA backend with the outcome of its last check; a check changes no ETag."""
    async with database.transaction() as session:
        return reply(await repository.content(session, caller, ca_backend_id))


@router.patch(
    "/{ca_backend_id}",
    operation_id="update_ca_backend",
    summary="Change a CA backend",
    response_model=CaBackendOut,
    responses=problems(403, 404, 409, 412, 428),
)
async def update(
    ca_backend_id: UUID, body: CaBackendUpdate, caller: Caller, database: Db, expected: IfMatch
) -> Response:
    """Fields left out stay as they are. Credentials are changed at the local CA backend."""
    async with database.transaction() as session:
        content = await service.update_ca_backend(session, caller, ca_backend_id, body, expected)
    return reply(content)


@router.delete(
    "/{ca_backend_id}",
    operation_id="delete_ca_backend",
    summary="Delete a CA backend",
    status_code=204,
    responses=problems(403, 404, 409, 412),
)
async def delete(
    ca_backend_id: UUID, caller: Caller, database: Db, expected: IfMatchOptional
) -> Response:
    """409 names the certificate profiles that refer to it and enrollments made through it."""
    async with database.transaction() as session:
        await service.delete_ca_backend(session, caller, ca_backend_id, expected)
    return Response(status_code=204)


@router.post(
    "/{ca_backend_id}/check",
    operation_id="check_ca_backend",
    summary="Check a CA backend",
    response_model=CaBackendOut,
    responses=problems(403, 404),
)
async def check(ca_backend_id: UUID, caller: Caller, app: App) -> Response:
    """Ask the CA now whether it answers and accepts the credentials. Nothing changes there.

    The answer is 200 whatever the CA says: read `status` and `status_detail`.
    """
    return reply(await service.check_ca_backend(app, caller, ca_backend_id))


@router.get(
    "/{ca_backend_id}/issuing-cas",
    operation_id="list_issuing_cas",
    summary="List the CAs behind a CA backend",
    response_model=IssuingCaList,
    responses=problems(403, 404, 409, 502),
)
async def issuing_cas(
    ca_backend_id: UUID, caller: Caller, app: App, refresh: Refresh = False
) -> Response:
    """What a profile's options may refer to, as the CA tells. Kept for five minutes.

    Needs the privilege `manage_profiles`.
    """
    kind = Choice.ISSUING_CAS
    return _listed(await service.list_choices(app, caller, ca_backend_id, kind, refresh=refresh))


@router.get(
    "/{ca_backend_id}/templates",
    operation_id="list_templates",
    summary="List the templates of a CA backend",
    response_model=TemplateList,
    responses=problems(403, 404, 409, 502),
)
async def templates(
    ca_backend_id: UUID, caller: Caller, app: App, refresh: Refresh = False
) -> Response:
    """What a profile's options may name as template, and what each puts in certificates.

    Needs the privilege `manage_profiles`.
    """
    kind = Choice.TEMPLATES
    return _listed(await service.list_choices(app, caller, ca_backend_id, kind, refresh=refresh))


@router.get(
    "/{ca_backend_id}/products",
    operation_id="list_products",
    summary="List the products of the CA's account",
    response_model=ProductList,
    responses=problems(403, 404, 409, 502),
)
async def products(
    ca_backend_id: UUID, caller: Caller, app: App, refresh: Refresh = False
) -> Response:
    """What a profile's options may name as product, as the CA tells. Kept for five minutes.

    Needs the privilege `manage_profiles`. 409 where CAs of this type have no products.
    """
    kind = Choice.PRODUCTS
    return _listed(await service.list_choices(app, caller, ca_backend_id, kind, refresh=refresh))


@router.get(
    "/{ca_backend_id}/external-organizations",
    operation_id="list_external_organizations",
    summary="List the organizations of the CA's account",
    response_model=ExternalOrganizationList,
    responses=problems(400, 403, 404, 409, 502),
)
async def external_organizations(
    ca_backend_id: UUID,
    caller: Caller,
    app: App,
    request: Request,
    search: Annotated[
        SearchText | None, Query(description="Only those with this in name or id.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="At most so many.")] = 50,
    cursor: Annotated[
        SearchText | None, Query(description="`next_cursor` of the page before.")
    ] = None,
    refresh: Refresh = False,
) -> Response:
    """For whom the CA issues, by id, with what it validated of them. Kept for five minutes.

    One of these is assigned to an organization before it enrolls, by an MRAO; nobody else sees
    whom the account holds. 409 where CAs of this type validate no organizations.
    """
    kind = Choice.EXTERNAL_ORGANIZATIONS
    listing = await service.list_choices(app, caller, ca_backend_id, kind, refresh=refresh)
    wanted = (search or "").casefold()
    found = [each for each in listing.items if wanted in f"{each['id']} {each['name']}".casefold()]
    behind = [each for each in sorted(found, key=itemgetter("id")) if each["id"] > (cursor or "")]
    page = behind[:limit]
    following = page[-1]["id"] if len(behind) > limit else None
    content = _content(replace(listing, items=page)) | {"next_cursor": following}
    return reply(content, headers=next_page(request, following, limit))


def _listed(listing: Listing) -> Response:
    return reply(_content(listing))


def _content(listing: Listing) -> dict[str, Any]:
    return {"items": listing.items, "fetched_at": listing.fetched_at, "stale": listing.stale}
