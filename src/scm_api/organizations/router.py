"""`/organizations`, their departments and domains."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from scm_api.core.names import Name as DnsName
from scm_api.core.names import respelled
from scm_api.core.vocabulary import NameKind
from scm_api.db.models import Organization, OrganizationDomain
from scm_api.organizations import delegating, repository, service
from scm_api.organizations.schemas import (
    DelegatedDomainPage,
    DomainCreate,
    DomainDelegations,
    DomainOut,
    DomainPage,
    OrganizationCreate,
    OrganizationOut,
    OrganizationPage,
    OrganizationUpdate,
)
from scm_api.web.auth import Caller
from scm_api.web.concurrency import IfMatch, IfMatchOptional
from scm_api.web.deps import Db
from scm_api.web.idempotency import OnceOnly
from scm_api.web.openapi import problems
from scm_api.web.operations import Operation
from scm_api.web.pagination import Paged
from scm_api.web.parameters import SearchText
from scm_api.web.replies import reply
from scm_api.web.schemas import Name

router = APIRouter(prefix="/organizations", tags=["Organizations"], route_class=Operation)
_DOMAINS = "/{organization_id}/domains"


@router.post(
    "",
    operation_id="create_organization",
    summary="Create an organization",
    status_code=201,
    response_model=OrganizationOut,
    responses=problems(403, 409),
)
async def create(body: OrganizationCreate, caller: Caller, once: OnceOnly) -> Response:
    """A tenant. Give it domains and a certificate profile, and it can enroll."""
    return await once.create(lambda session: service.create_organization(session, caller, body))


@router.get(
    "",
    operation_id="list_organizations",
    summary="List organizations and departments",
    response_model=OrganizationPage,
    responses=problems(),
)
async def index(
    caller: Caller,
    database: Db,
    page: Paged,
    name: Annotated[Name | None, Query(description="Exactly this name.")] = None,
    parent_id: Annotated[
        UUID | None, Query(description="Only departments of this organization.")
    ] = None,
) -> Response:
    """Newest first; departments are those with a `parent_id`."""
    query = repository.organizations(caller)
    if name is not None:
        query = query.where(Organization.name == name)
    if parent_id is not None:
        query = query.where(Organization.parent_id == parent_id)
    async with database.transaction() as session:
        rows = await page.fetch(session, query, Organization.id)
    return page.reply([dict(row) for row in rows])


@router.get(
    "/{organization_id}",
    operation_id="get_organization",
    summary="Read an organization or department",
    response_model=OrganizationOut,
    responses=problems(404),
)
async def read(organization_id: UUID, caller: Caller, database: Db) -> Response:
    """One organization or department; a department has a `parent_id`."""
    async with database.transaction() as session:
        found = await repository.organization(session, caller, organization_id)
        return reply(service.organization_content(found))


@router.patch(
    "/{organization_id}",
    operation_id="update_organization",
    summary="Change an organization or department",
    response_model=OrganizationOut,
    responses=problems(403, 404, 409, 412, 428),
)
async def update(
    organization_id: UUID,
    body: OrganizationUpdate,
    caller: Caller,
    database: Db,
    expected: IfMatch,
) -> Response:
    """Fields left out stay as they are."""
    async with database.transaction() as session:
        content = await service.update_organization(
            session, caller, organization_id, body, expected
        )
    return reply(content)


@router.delete(
    "/{organization_id}",
    operation_id="delete_organization",
    summary="Delete an organization or department",
    status_code=204,
    responses=problems(403, 404, 409, 412),
)
async def delete(
    organization_id: UUID, caller: Caller, database: Db, expected: IfMatchOptional
) -> Response:
    """Its domains go with it. 409 names departments, profiles, enrollments and certificates."""
    async with database.transaction() as session:
        await service.delete_organization(session, caller, organization_id, expected)
    return Response(status_code=204)


@router.post(
    "/{organization_id}/departments",
    operation_id="create_department",
    summary="Create a department",
    status_code=201,
    response_model=OrganizationOut,
    responses=problems(403, 404, 409),
)
async def create_department(
    organization_id: UUID, body: OrganizationCreate, caller: Caller, once: OnceOnly
) -> Response:
    """A department is an organization with a parent; it has no departments of its own."""
    return await once.create(
        lambda session: service.create_organization(session, caller, body, organization_id)
    )


@router.get(
    "/{organization_id}/departments",
    operation_id="list_departments",
    summary="List departments",
    response_model=OrganizationPage,
    responses=problems(404),
)
async def index_departments(
    organization_id: UUID, caller: Caller, database: Db, page: Paged
) -> Response:
    """Departments of one organization, newest first."""
    query = repository.organizations(caller).where(Organization.parent_id == organization_id)
    async with database.transaction() as session:
        await repository.organization(session, caller, organization_id)
        rows = await page.fetch(session, query, Organization.id)
    return page.reply([dict(row) for row in rows])


@router.post(
    _DOMAINS,
    operation_id="add_domain",
    summary="Add a domain",
    status_code=201,
    response_model=DomainOut,
    responses=problems(403, 404, 409),
)
async def add_domain(
    organization_id: UUID, body: DomainCreate, caller: Caller, once: OnceOnly
) -> Response:
    """A domain the organization owns: certificates may carry it.

    `example.com` covers that one name, `*.example.com` every name below it; add both for both.
    """
    return await once.create(
        lambda session: service.add_domain(session, caller, organization_id, body)
    )


@router.get(
    _DOMAINS,
    operation_id="list_domains",
    summary="List domains",
    response_model=DomainPage,
    responses=problems(404),
)
async def index_domains(
    organization_id: UUID,
    caller: Caller,
    database: Db,
    page: Paged,
    name: Annotated[
        SearchText | None, Query(description="Exactly this domain, in whatever spelling.")
    ] = None,
) -> Response:
    """Domains the organization owns itself, newest first."""
    query = repository.domains(caller, organization_id)
    if name is not None:
        spelled = respelled(DnsName(NameKind.DNS, name))
        query = query.where(OrganizationDomain.name == spelled.value)
    async with database.transaction() as session:
        await repository.organization(session, caller, organization_id)
        rows = await page.fetch(session, query, OrganizationDomain.id)
    return page.reply([dict(row) for row in rows])


@router.get(
    _DOMAINS + "/{domain_id}",
    operation_id="get_domain",
    summary="Read a domain",
    response_model=DomainOut,
    responses=problems(404),
)
async def read_domain(
    organization_id: UUID, domain_id: UUID, caller: Caller, database: Db
) -> Response:
    """One domain of the organization."""
    async with database.transaction() as session:
        await repository.organization(session, caller, organization_id)
        found = await repository.domain_content(session, caller, organization_id, domain_id)
    return reply(found)


@router.put(
    _DOMAINS + "/{domain_id}/delegations",
    operation_id="delegate_domain",
    summary="Say who else may use a domain",
    response_model=DomainOut,
    responses=problems(403, 404, 412, 422, 428),
)
async def delegate_domain(
    organization_id: UUID,
    domain_id: UUID,
    body: DomainDelegations,
    caller: Caller,
    database: Db,
    expected: IfMatch,
) -> Response:
    """The organizations and departments of the body may use the domain as if they owned it, for
    certificates of the given types, and nobody else may from now on."""
    async with database.transaction() as session:
        found = await delegating.delegate(
            session, caller, organization_id, domain_id, body, expected
        )
    return reply(found)


@router.get(
    "/{organization_id}/delegated-domains",
    operation_id="list_delegated_domains",
    summary="List delegated domains",
    response_model=DelegatedDomainPage,
    responses=problems(404),
)
async def index_delegated_domains(
    organization_id: UUID, caller: Caller, database: Db, page: Paged
) -> Response:
    """Domains of others that the organization may use, newest first."""
    async with database.transaction() as session:
        await repository.organization(session, caller, organization_id)
        query = repository.delegated_domains(organization_id)
        rows = await page.fetch(session, query, OrganizationDomain.id)
    return page.reply([dict(row) for row in rows])


@router.delete(
    _DOMAINS + "/{domain_id}",
    operation_id="remove_domain",
    summary="Remove a domain",
    status_code=204,
    responses=problems(403, 404, 409, 412),
)
async def remove_domain(
    organization_id: UUID,
    domain_id: UUID,
    caller: Caller,
    database: Db,
    expected: IfMatchOptional,
) -> Response:
    """Certificates already issued stay; new ones with its names are refused from now on."""
    async with database.transaction() as session:
        await service.remove_domain(session, caller, organization_id, domain_id, expected)
    return Response(status_code=204)
