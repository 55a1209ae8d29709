"""Rows of organizations, departments and owned domains."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import String, cast, func, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal, sees
from scm_api.core.errors import NotFound, Use
from scm_api.db.models import (
    Certificate,
    CertificateProfile,
    CertificateProfileDelegation,
    Enrollment,
    Organization,
    OrganizationDomain,
    OrganizationDomainDelegation,
)
from scm_api.db.scope import within
from scm_api.db.statements import AnySelect
from scm_api.db.uses import FEW, enrollments_using

ORGANIZATION: Final = (
    "id",
    "parent_id",
    "name",
    "description",
    "created_at",
    "updated_at",
    "version",
)
"""What the contract shows of an organization."""


def organizations(principal: Principal) -> AnySelect:
    """Organizations and departments the caller may see."""
    query = select(*(getattr(Organization, name) for name in ORGANIZATION))
    return query.where(within(principal, Organization.id))


async def organization(
    session: AsyncSession, principal: Principal, organization_id: UUID
) -> Organization:
    """One organization or department; raises NotFound when there is none the caller may see."""
    found = await session.get(Organization, organization_id)
    if found is None or not sees(principal, organization_id):
        raise NotFound("organization")
    return found


def domains(principal: Principal, organization_id: UUID) -> AnySelect:
    """Domains of one organization, which the caller was found to see."""
    one = func.jsonb_build_object(
        "organization_id",
        OrganizationDomainDelegation.organization_id,
        "certificate_types",
        OrganizationDomainDelegation.certificate_types,
    )
    delegations = (
        select(
            func.jsonb_agg(aggregate_order_by(one, OrganizationDomainDelegation.organization_id))
        )
        .where(
            OrganizationDomainDelegation.domain_id == OrganizationDomain.id,
            within(principal, OrganizationDomainDelegation.organization_id),
        )
        .scalar_subquery()
    )
    return select(
        OrganizationDomain.id,
        OrganizationDomain.organization_id,
        OrganizationDomain.name,
        func.coalesce(delegations, text("'[]'::jsonb")).label("delegations"),
        OrganizationDomain.created_at,
        OrganizationDomain.version,
    ).where(OrganizationDomain.organization_id == organization_id)


def delegated_domains(organization_id: UUID) -> AnySelect:
    """Domains of others that one organization may use, which the caller was found to see."""
    return (
        select(
            OrganizationDomain.id,
            OrganizationDomain.name,
            OrganizationDomainDelegation.certificate_types,
        )
        .join(
            OrganizationDomainDelegation,
            OrganizationDomainDelegation.domain_id == OrganizationDomain.id,
        )
        .where(OrganizationDomainDelegation.organization_id == organization_id)
    )


async def domain_content(
    session: AsyncSession, principal: Principal, organization_id: UUID, domain_id: UUID
) -> dict[str, Any]:
    """One domain as the contract shows it; raises NotFound."""
    query = domains(principal, organization_id).where(OrganizationDomain.id == domain_id)
    row = (await session.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound("domain")
    return dict(row)


async def domain(
    session: AsyncSession, organization_id: UUID, domain_id: UUID, *, lock: bool = False
) -> OrganizationDomain:
    """One domain of that organization; raises NotFound otherwise."""
    found = await session.get(OrganizationDomain, domain_id, with_for_update=lock or None)
    if found is None or found.organization_id != organization_id:
        raise NotFound("domain")
    return found


async def uses_of_domains(
    session: AsyncSession, organization_id: UUID, domain_id: UUID | None = None
) -> list[Use]:
    """Who has been delegated a domain of the organization, or this one."""
    query = (
        select(Organization.id, Organization.name)
        .join(
            OrganizationDomainDelegation,
            OrganizationDomainDelegation.organization_id == Organization.id,
        )
        .join(OrganizationDomain, OrganizationDomain.id == OrganizationDomainDelegation.domain_id)
        .where(OrganizationDomain.organization_id == organization_id)
        .order_by(Organization.id)
        .distinct()
    )
    if domain_id is not None:
        query = query.where(OrganizationDomain.id == domain_id)
    return [Use("organization", row.id, row.name) for row in await session.execute(query)]


async def uses_of_organization(
    session: AsyncSession, principal: Principal, organization_id: UUID
) -> list[Use]:
    """Departments, profiles, who uses its domains, and a few enrollments and certificates."""
    departments = await session.execute(
        select(Organization.id, Organization.name).where(Organization.parent_id == organization_id)
    )
    profiles = await session.execute(
        select(CertificateProfile.id, CertificateProfile.name)
        .join(
            CertificateProfileDelegation,
            CertificateProfileDelegation.certificate_profile_id == CertificateProfile.id,
        )
        .where(CertificateProfileDelegation.organization_id == organization_id)
    )
    asked_by_it = Enrollment.organization_id == organization_id
    enrollments, _ = await enrollments_using(session, principal, asked_by_it)
    certificates = await session.execute(
        select(
            Certificate.id,
            func.coalesce(Certificate.common_name, cast(Certificate.id, String)).label("name"),
        )
        .where(Certificate.organization_id == organization_id)
        .order_by(Certificate.id.desc())
        .limit(FEW)
    )
    return [
        *(Use("department", row.id, row.name) for row in departments),
        *(Use("certificate_profile", row.id, row.name) for row in profiles),
        *await uses_of_domains(session, organization_id),
        *enrollments,
        *(Use("certificate", row.id, row.name) for row in certificates),
    ]
