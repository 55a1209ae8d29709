"""`/connectors` and `/connectors/{id}/local-ca-backends`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from scm_api.connectors import repository, service
from scm_api.connectors.schemas import (
    ConnectorCreate,
    ConnectorOut,
    ConnectorPage,
    ConnectorUpdate,
    LocalCaBackendCreate,
    LocalCaBackendOut,
    LocalCaBackendPage,
    LocalCaBackendUpdate,
)
from scm_api.core.vocabulary import BackendType
from scm_api.db.models import Connector, LocalCaBackend
from scm_api.web.auth import Caller
from scm_api.web.concurrency import IfMatch, IfMatchOptional
from scm_api.web.deps import App, Db
from scm_api.web.idempotency import OnceOnly
from scm_api.web.openapi import problems
from scm_api.web.operations import Operation
from scm_api.web.pagination import Paged
from scm_api.web.replies import reply
from scm_api.web.schemas import Name

router = APIRouter(prefix="/connectors", tags=["Connectors"], route_class=Operation)
_LOCAL = "/{connector_id}/local-ca-backends"


@router.post(
    "",
    operation_id="create_connector",
    summary="Create a connector",
    status_code=201,
    response_model=ConnectorOut,
    responses=problems(403, 409),
)
async def create(body: ConnectorCreate, caller: Caller, once: OnceOnly) -> Response:
    """A connector is what reaches CAs. Kind `embedded` runs inside this service."""
    return await once.create(lambda session: service.create_connector(session, caller, body))


@router.get(
    "",
    operation_id="list_connectors",
    summary="List connectors",
    response_model=ConnectorPage,
    responses=problems(),
)
async def index(
    caller: Caller,
    database: Db,
    page: Paged,
    name: Annotated[Name | None, Query(description="Exactly this name.")] = None,
) -> Response:
    """Newest first."""
    query = repository.connectors(caller)
    if name is not None:
        query = query.where(Connector.name == name)
    async with database.transaction() as session:
        rows = await page.fetch(session, query, Connector.id)
    return page.reply([dict(row) for row in rows])


@router.get(
    "/{connector_id}",
    operation_id="get_connector",
    summary="Read a connector",
    response_model=ConnectorOut,
    responses=problems(404),
)
async def read(connector_id: UUID, caller: Caller, database: Db) -> Response:
    """One connector; its ETag is what an update must send as If-Match."""
    async with database.transaction() as session:
        found = await repository.connector(session, caller, connector_id)
        return reply(service.connector_content(found))


@router.patch(
    "/{connector_id}",
    operation_id="update_connector",
    summary="Change a connector",
    response_model=ConnectorOut,
    responses=problems(403, 404, 409, 412, 428),
)
async def update(
    connector_id: UUID, body: ConnectorUpdate, caller: Caller, database: Db, expected: IfMatch
) -> Response:
    """Fields left out stay as they are."""
    async with database.transaction() as session:
        content = await service.update_connector(session, caller, connector_id, body, expected)
    return reply(content)


@router.delete(
    "/{connector_id}",
    operation_id="delete_connector",
    summary="Delete a connector",
    status_code=204,
    responses=problems(403, 404, 409, 412),
)
async def delete(
    connector_id: UUID, caller: Caller, database: Db, expected: IfMatchOptional
) -> Response:
    """409 names the local CA backends that still live on it."""
    async with database.transaction() as session:
        await service.delete_connector(session, caller, connector_id, expected)
    return Response(status_code=204)


@router.post(
    _LOCAL,
    operation_id="create_local_ca_backend",
    summary="Create a local CA backend",
    status_code=201,
    response_model=LocalCaBackendOut,
    responses=problems(403, 404, 409),
)
async def create_local(
    connector_id: UUID, body: LocalCaBackendCreate, caller: Caller, app: App, once: OnceOnly
) -> Response:
    """Connection and credentials for one CA account. Secrets are sealed and never shown again."""
    return await once.create(
        lambda session: service.create_local_ca_backend(session, caller, app, connector_id, body)
    )


@router.get(
    _LOCAL,
    operation_id="list_local_ca_backends",
    summary="List local CA backends",
    response_model=LocalCaBackendPage,
    responses=problems(404),
)
async def index_local(
    connector_id: UUID,
    caller: Caller,
    database: Db,
    page: Paged,
    name: Annotated[Name | None, Query(description="Exactly this name.")] = None,
    backend_type: Annotated[BackendType | None, Query(description="CAs of this type.")] = None,
) -> Response:
    """Those of one connector, newest first, without secrets."""
    query = repository.local_ca_backends(caller, connector_id)
    if name is not None:
        query = query.where(LocalCaBackend.name == name)
    if backend_type is not None:
        query = query.where(LocalCaBackend.backend_type == backend_type)
    async with database.transaction() as session:
        await repository.connector(session, caller, connector_id)
        rows = await page.fetch(session, query, LocalCaBackend.id)
    return page.reply([dict(row) for row in rows])


@router.get(
    _LOCAL + "/{local_ca_backend_id}",
    operation_id="get_local_ca_backend",
    summary="Read a local CA backend",
    response_model=LocalCaBackendOut,
    responses=problems(404),
)
async def read_local(
    connector_id: UUID, local_ca_backend_id: UUID, caller: Caller, database: Db
) -> Response:
    """One local CA backend, without secrets."""
    async with database.transaction() as session:
        found = await repository.local_ca_backend(
            session, caller, connector_id, local_ca_backend_id
        )
        return reply(service.local_ca_backend_content(found))


@router.patch(
    _LOCAL + "/{local_ca_backend_id}",
    operation_id="update_local_ca_backend",
    summary="Change a local CA backend or its secrets",
    response_model=LocalCaBackendOut,
    responses=problems(403, 404, 409, 412, 428),
)
async def update_local(
    connector_id: UUID,
    local_ca_backend_id: UUID,
    body: LocalCaBackendUpdate,
    caller: Caller,
    app: App,
    expected: IfMatch,
) -> Response:
    """Calls under way end with the old credentials; the next call uses the new ones."""
    async with app.database.transaction() as session:
        local = await repository.local_ca_backend(
            session, caller, connector_id, local_ca_backend_id
        )
        content = await service.update_local_ca_backend(session, caller, app, local, body, expected)
    return reply(content)


@router.delete(
    _LOCAL + "/{local_ca_backend_id}",
    operation_id="delete_local_ca_backend",
    summary="Delete a local CA backend",
    status_code=204,
    responses=problems(403, 404, 409, 412),
)
async def delete_local(
    connector_id: UUID,
    local_ca_backend_id: UUID,
    caller: Caller,
    database: Db,
    expected: IfMatchOptional,
) -> Response:
    """409 names the CA backends that still refer to it."""
    async with database.transaction() as session:
        local = await repository.local_ca_backend(
            session, caller, connector_id, local_ca_backend_id
        )
        await service.delete_local_ca_backend(session, caller, local, expected)
    return Response(status_code=204)
