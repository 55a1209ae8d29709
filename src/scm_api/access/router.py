"""`/admins` and `/api-keys`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import func

from scm_api.access import repository, service
from scm_api.access.schemas import (
    AdminCreate,
    AdminOut,
    AdminPage,
    AdminUpdate,
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyOut,
    ApiKeyPage,
)
from scm_api.db.models import Admin, ApiKey
from scm_api.web.auth import Caller, Keys
from scm_api.web.concurrency import IfMatch, IfMatchOptional
from scm_api.web.deps import Db
from scm_api.web.idempotency import OnceOnly
from scm_api.web.openapi import problems
from scm_api.web.operations import Operation
from scm_api.web.pagination import Paged
from scm_api.web.parameters import EmailAddress
from scm_api.web.replies import reply

router = APIRouter(tags=["Access"], route_class=Operation)


@router.post(
    "/admins",
    operation_id="create_admin",
    summary="Create an admin",
    status_code=201,
    response_model=AdminOut,
    responses=problems(403, 409),
)
async def create_admin(body: AdminCreate, caller: Caller, once: OnceOnly) -> Response:
    """Somebody who may use the service, once they have an API key.

    Needs the privilege `create_peers`. Nobody gives what they do not have.
    """
    return await once.create(lambda session: service.create_admin(session, caller, body))


@router.get(
    "/admins",
    operation_id="list_admins",
    summary="List admins",
    response_model=AdminPage,
    responses=problems(),
)
async def index_admins(
    caller: Caller,
    database: Db,
    page: Paged,
    email: Annotated[
        EmailAddress | None, Query(description="This address, in capitals or not.")
    ] = None,
    active: Annotated[bool | None, Query(description="Active, or not.")] = None,
) -> Response:
    """Newest first. Who is no MRAO sees itself, and admins of its level or lower in its scope."""
    query = repository.admins(caller)
    if email is not None:
        query = query.where(func.lower(Admin.email) == email)
    if active is not None:
        query = query.where(Admin.active.is_(active))
    async with database.transaction() as session:
        rows = await page.fetch(session, query, Admin.id)
    return page.reply([service.shown_admin(row) for row in rows])


@router.get(
    "/admins/{admin_id}",
    operation_id="get_admin",
    summary="Read an admin",
    response_model=AdminOut,
    responses=problems(404),
)
async def read_admin(admin_id: UUID, caller: Caller, database: Db) -> Response:
    """One admin: who they are, in which role, and whether their keys are accepted."""
    async with database.transaction() as session:
        return reply(service.admin_content(await repository.admin(session, caller, admin_id)))


@router.patch(
    "/admins/{admin_id}",
    operation_id="update_admin",
    summary="Change an admin",
    response_model=AdminOut,
    responses=problems(403, 404, 409, 412, 428),
)
async def update_admin(
    admin_id: UUID,
    body: AdminUpdate,
    caller: Caller,
    database: Db,
    keys: Keys,
    expected: IfMatch,
) -> Response:
    """Fields left out stay as they are.

    Needs the privilege `create_peers` and everything that admin has. The last active MRAO stays
    one; an RAO or DRAO takes no rights from itself.
    """
    async with database.transaction() as session:
        content = await service.update_admin(session, caller, admin_id, body, expected)
    keys.forget()
    return reply(content)


@router.delete(
    "/admins/{admin_id}",
    operation_id="delete_admin",
    summary="Delete an admin",
    status_code=204,
    responses=problems(403, 404, 409, 412),
)
async def delete_admin(
    admin_id: UUID, caller: Caller, database: Db, keys: Keys, expected: IfMatchOptional
) -> Response:
    """Their keys go too. Somebody who made enrollments is made inactive instead."""
    async with database.transaction() as session:
        await service.delete_admin(session, caller, admin_id, expected)
    keys.forget()
    return Response(status_code=204)


@router.post(
    "/api-keys",
    operation_id="create_api_key",
    summary="Create an API key",
    status_code=201,
    response_model=ApiKeyCreated,
    responses=problems(403, 409),
)
async def create_api_key(body: ApiKeyCreate, caller: Caller, once: OnceOnly) -> Response:
    """The answer holds the key, and nothing shows it again: keep it now.

    Everybody makes keys for themselves; for another admin the privilege `create_peers` is needed.
    A key is never more than its owner, nor than the key it was made with.
    """
    return await once.create(lambda session: service.create_api_key(session, caller, body))


@router.get(
    "/api-keys",
    operation_id="list_api_keys",
    summary="List API keys",
    response_model=ApiKeyPage,
    responses=problems(),
)
async def index_api_keys(
    caller: Caller,
    database: Db,
    page: Paged,
    admin_id: Annotated[UUID | None, Query(description="Keys of this admin.")] = None,
) -> Response:
    """Newest first, revoked and expired ones too."""
    query = repository.api_keys(caller)
    if admin_id is not None:
        query = query.where(ApiKey.admin_id == admin_id)
    async with database.transaction() as session:
        rows = await page.fetch(session, query, ApiKey.id)
    return page.reply([service.shown_api_key(row) for row in rows])


@router.get(
    "/api-keys/{api_key_id}",
    operation_id="get_api_key",
    summary="Read an API key",
    response_model=ApiKeyOut,
    responses=problems(404),
)
async def read_api_key(api_key_id: UUID, caller: Caller, database: Db) -> Response:
    """What is kept of the key: who it acts for, how it begins, when it ends."""
    async with database.transaction() as session:
        found = await repository.api_key(session, caller, api_key_id)
        return reply(service.api_key_content(found))


@router.delete(
    "/api-keys/{api_key_id}",
    operation_id="revoke_api_key",
    summary="Revoke an API key",
    status_code=204,
    responses=problems(403, 404, 412),
)
async def revoke_api_key(
    api_key_id: UUID, caller: Caller, database: Db, keys: Keys, expected: IfMatchOptional
) -> Response:
    """Refused from now on; other API processes follow within five seconds. The row stays.

    Needs the privilege `create_peers`, except for one's own keys that may no more than the one
    it is called with.
    """
    async with database.transaction() as session:
        await service.revoke_api_key(session, caller, api_key_id, expected)
    keys.forget()
    return Response(status_code=204)
