"""Rights as admins and API keys keep them."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.rights import UNLIMITED, Rights
from scm_api.core.vocabulary import CertificateType, Privilege, Role
from scm_api.db.models import (
    Admin,
    ApiKey,
    Organization,
    OrganizationDomain,
    OrganizationDomainDelegation,
)


def rights_of(admin: Admin) -> Rights:
    """What an admin may do; the limits of an MRAO are none."""
    return UNLIMITED if admin.role == Role.MRAO else _read(admin.role, admin)


async def organizations_of(session: AsyncSession, rights: Rights) -> frozenset[UUID] | None:
    """Where they are to be used, the departments of an organization included; None is the whole
    account."""
    if rights.role is Role.MRAO:
        return None
    within: ColumnElement[bool] = Organization.id.in_(rights.organization_ids)
    if rights.role is Role.RAO:
        within = or_(within, Organization.parent_id.in_(rights.organization_ids))
    return frozenset(await session.scalars(select(Organization.id).where(within)))


def scope_of(key: ApiKey) -> Rights | None:
    """The scope of a key, if it has one."""
    return None if key.role is None else _read(key.role, key)


def columns_of(rights: Rights) -> dict[str, Any]:
    """Rights as the columns of the row that keeps them."""
    return {
        "role": rights.role.value,
        "organization_ids": sorted(rights.organization_ids),
        "certificate_types": [
            each.value for each in CertificateType if each in rights.certificate_types
        ],
        "privileges": [each.value for each in Privilege if each in rights.privileges],
    }


def _read(role: str, limits: Admin | ApiKey) -> Rights:
    return Rights(
        Role(role),
        frozenset(limits.organization_ids),
        frozenset(map(CertificateType, limits.certificate_types)),
        frozenset(map(Privilege, limits.privileges)),
    )


async def forget_organization(session: AsyncSession, organization_id: UUID) -> None:
    """Take an organization that is being deleted out of everybody's rights; domains that it has
    been delegated change with that."""
    for holder in (Admin, ApiKey):
        left = func.array_remove(holder.organization_ids, organization_id)
        await session.execute(
            update(holder)
            .where(holder.organization_ids.contains([organization_id]))
            .values(organization_ids=left, version=holder.version + 1)
            .execution_options(synchronize_session=False)
        )
    delegation = OrganizationDomainDelegation
    delegated = select(delegation.domain_id).where(delegation.organization_id == organization_id)
    await session.execute(
        update(OrganizationDomain)
        .where(OrganizationDomain.id.in_(delegated))
        .values(version=OrganizationDomain.version + 1)
        .execution_options(synchronize_session=False)
    )
