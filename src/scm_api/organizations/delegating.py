"""Domains that others than their owner may use, for given types of certificates."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal, require_account_wide
from scm_api.core.errors import Fault, Invalid
from scm_api.db.audit import record
from scm_api.db.models import Organization, OrganizationDomain, OrganizationDomainDelegation
from scm_api.organizations import repository
from scm_api.organizations.schemas import DomainDelegation, DomainDelegations
from scm_api.web.concurrency import Expected
from scm_api.web.references import unknown_reference


async def delegate(
    session: AsyncSession,
    caller: Principal,
    organization_id: UUID,
    domain_id: UUID,
    body: DomainDelegations,
    expected: Expected,
) -> dict[str, Any]:
    """Put these delegations in the place of all there were; returns the domain.

    Raises Invalid with every fault, Stale where somebody else changed them meanwhile.
    """
    await repository.organization(session, caller, organization_id)
    require_account_wide(caller, "delegate domains")
    domain = await repository.domain(session, organization_id, domain_id, lock=True)
    expected.check(domain.version)
    await _require_sound(session, organization_id, body.delegations)
    theirs = OrganizationDomainDelegation.domain_id == domain.id
    before = await session.scalars(select(OrganizationDomainDelegation).where(theirs))
    kept = {row.organization_id: sorted(row.certificate_types) for row in before}
    wanted = {
        each.organization_id: sorted({one.value for one in each.certificate_types})
        for each in body.delegations
    }
    if kept != wanted:
        domain.version += 1
        await session.execute(delete(OrganizationDomainDelegation).where(theirs))
        session.add_all(
            OrganizationDomainDelegation(
                domain_id=domain.id, organization_id=id_, certificate_types=t
            )
            for id_, t in wanted.items()
        )
        _record(session, caller, domain, kept, wanted)
        await session.flush()
    return await repository.domain_content(session, caller, organization_id, domain_id)


async def _require_sound(
    session: AsyncSession, owner_id: UUID, delegations: Sequence[DomainDelegation]
) -> None:
    asked = [each.organization_id for each in delegations]
    known = set(await session.scalars(select(Organization.id).where(Organization.id.in_(asked))))
    faults = []
    for index, organization_id in enumerate(asked):
        pointer = f"/delegations/{index}/organization_id"
        if organization_id not in known:
            faults.append(unknown_reference(pointer, "organization"))
        elif organization_id == owner_id:
            detail = "The organization owns the domain, and needs no delegation."
            faults.append(Fault(pointer, "delegation-superfluous", detail, "another organization"))
        elif organization_id in asked[:index]:
            detail = "The organization is there more than once."
            faults.append(Fault(pointer, "delegation-superfluous", detail, "each one once"))
    if faults:
        raise Invalid(faults)


def _record(
    session: AsyncSession,
    caller: Principal,
    domain: OrganizationDomain,
    before: dict[UUID, list[str]],
    after: dict[UUID, list[str]],
) -> None:
    """One event for the owner, and one for each organization that has more or less by it: neither
    need be one that the other's admins may see."""
    record(
        session,
        caller,
        "organization.domain_delegated",
        ("organization", domain.organization_id),
        organization_id=domain.organization_id,
        details={"domain": domain.name, "delegations": len(after)},
    )
    for organization_id in sorted(before.keys() | after.keys()):
        types = after.get(organization_id, [])
        if types == before.get(organization_id):
            continue
        record(
            session,
            caller,
            "organization.domain_delegation_changed",
            ("organization", organization_id),
            organization_id=organization_id,
            details={
                "domain_id": str(domain.id),
                "domain": domain.name,
                "certificate_types": types,
            },
        )
