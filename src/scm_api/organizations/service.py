"""What may be done to organizations, departments and domains, and what is checked before."""

from typing import Any
from uuid import UUID

from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal, require_account_wide
from scm_api.core.domains import normalise_domain, public_suffixes
from scm_api.core.errors import Conflict, Fault, Invalid
from scm_api.core.explain import quoted
from scm_api.db.audit import record
from scm_api.db.changes import changed_fields
from scm_api.db.models import Organization, OrganizationDomain
from scm_api.db.rights import forget_organization
from scm_api.organizations import repository
from scm_api.organizations.schemas import DomainCreate, OrganizationCreate, OrganizationUpdate
from scm_api.web.concurrency import Expected
from scm_api.web.replies import created


def organization_content(organization: Organization) -> dict[str, Any]:
    """An organization as the contract shows it."""
    return {name: getattr(organization, name) for name in repository.ORGANIZATION}


def _new_domain_content(domain: OrganizationDomain) -> dict[str, Any]:
    """A domain just added, as the contract shows it."""
    return {
        "id": domain.id,
        "organization_id": domain.organization_id,
        "name": domain.name,
        "delegations": [],
        "created_at": domain.created_at,
        "version": domain.version,
    }


async def create_organization(
    session: AsyncSession,
    caller: Principal,
    body: OrganizationCreate,
    parent_id: UUID | None = None,
) -> Response:
    """Make an organization or, with a parent, a department of it."""
    parent = None
    if parent_id is not None:
        parent = await repository.organization(session, caller, parent_id)
    require_account_wide(caller, "create organizations and departments")
    if parent is not None and parent.parent_id is not None:
        raise Conflict(
            "A department has no departments of its own; make it below the organization.",
            code="parent-is-department",
        )
    organization = Organization(name=body.name, description=body.description, parent_id=parent_id)
    session.add(organization)
    await session.flush()
    details = {} if parent_id is None else {"parent_id": str(parent_id)}
    _record(session, caller, "organization.created", organization, **details)
    return created(organization_content(organization), f"/organizations/{organization.id}")


async def update_organization(
    session: AsyncSession,
    caller: Principal,
    organization_id: UUID,
    body: OrganizationUpdate,
    expected: Expected,
) -> dict[str, Any]:
    """Change an organization's or department's name or description."""
    organization = await repository.organization(session, caller, organization_id)
    require_account_wide(caller, "change organizations and departments")
    expected.check(organization.version)
    for field, value in body.model_dump(exclude_none=True).items():
        setattr(organization, field, value)
    if changed := changed_fields(organization):
        await session.flush()
        _record(session, caller, "organization.updated", organization, changed=changed)
    return organization_content(organization)


async def delete_organization(
    session: AsyncSession, caller: Principal, organization_id: UUID, expected: Expected
) -> None:
    """Delete an organization nothing was ever asked for by; its domains go with it."""
    organization = await repository.organization(session, caller, organization_id)
    require_account_wide(caller, "delete organizations and departments")
    expected.check(organization.version)
    if uses := await repository.uses_of_organization(session, caller, organization_id):
        raise Conflict(
            "The organization is in use. Delete its departments and take it out of certificate "
            "profiles first; one that has enrollments or certificates is kept.",
            code="in-use",
            used_by=uses,
        )
    await forget_organization(session, organization_id)
    await session.delete(organization)
    _record(session, caller, "organization.deleted", organization)


async def add_domain(
    session: AsyncSession, caller: Principal, organization_id: UUID, body: DomainCreate
) -> Response:
    """Give an organization a domain, in its only spelling."""
    organization = await repository.organization(session, caller, organization_id)
    require_account_wide(caller, "add domains")
    domain = OrganizationDomain(organization_id=organization.id, name=_owned_name(body.name))
    session.add(domain)
    await session.flush()
    _record(session, caller, "organization.domain_added", organization, domain=domain.name)
    location = f"/organizations/{organization.id}/domains/{domain.id}"
    return created(_new_domain_content(domain), location)


async def remove_domain(
    session: AsyncSession,
    caller: Principal,
    organization_id: UUID,
    domain_id: UUID,
    expected: Expected,
) -> None:
    """Take a domain away; certificates already issued stay as they are."""
    organization = await repository.organization(session, caller, organization_id)
    require_account_wide(caller, "remove domains")
    domain = await repository.domain(session, organization_id, domain_id, lock=True)
    expected.check(domain.version)
    if uses := await repository.uses_of_domains(session, organization_id, domain_id):
        raise Conflict(
            "The domain is delegated. Take the delegations back first.", code="in-use", used_by=uses
        )
    await session.delete(domain)
    _record(session, caller, "organization.domain_removed", organization, domain=domain.name)


def _owned_name(given: str) -> str:
    """The entry as it is kept; raises Invalid for what nobody can own."""
    name = normalise_domain(given, "/name")
    if isinstance(name, Fault):
        raise Invalid([name])
    if public_suffixes().is_public(name):
        raise Invalid(
            [
                Fault(
                    "/name",
                    "public-suffix",
                    f"{quoted(name)} is a public suffix; nobody owns it as a whole.",
                    "a domain registered below a public suffix, such as example.com",
                )
            ]
        )
    return name


def _record(
    session: AsyncSession,
    caller: Principal,
    action: str,
    organization: Organization,
    **details: Any,
) -> None:
    record(
        session,
        caller,
        action,
        ("organization", organization.id),
        organization_id=organization.id,
        details=details,
    )
