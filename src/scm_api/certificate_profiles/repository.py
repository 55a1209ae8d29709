"""Rows of certificate profiles, their versions and delegations."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, cast, delete, false, func, insert, or_, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal
from scm_api.core.errors import NotFound
from scm_api.db.models import (
    CertificateProfile,
    CertificateProfileDelegation,
    CertificateProfileVersion,
    ExternalAssignment,
    Organization,
)
from scm_api.db.scope import visible_profiles, within
from scm_api.db.statements import AnySelect
from scm_api.drivers.registry import REGISTRY
from scm_api.issuance.comparison import compared
from scm_api.issuance.rules import ProfileRules
from scm_api.web.problems import fault_members

_Delegation = CertificateProfileDelegation


def certificate_profiles(principal: Principal) -> AnySelect:
    """Profiles the caller may see, each with those of its organizations the caller may see."""
    organizations = (
        select(_Delegation.organization_id)
        .where(_Delegation.certificate_profile_id == CertificateProfile.id)
        .correlate(CertificateProfile)
        .order_by(_Delegation.organization_id)
    )
    seen = principal.organization_ids
    if seen is not None:
        organizations = organizations.where(_Delegation.organization_id.in_(seen))
    query = select(
        CertificateProfile.id,
        CertificateProfile.name,
        CertificateProfile.ca_backend_id,
        CertificateProfile.backend_type,
        CertificateProfile.certificate_type,
        CertificateProfile.description,
        CertificateProfile.enabled,
        CertificateProfile.term,
        CertificateProfile.key_types,
        CertificateProfile.domain_policy,
        CertificateProfile.allow_renew,
        CertificateProfile.renew_with_same_key,
        CertificateProfile.auto_renew,
        CertificateProfile.max_valid_certificates,
        CertificateProfile.auto_revoke,
        CertificateProfile.server_side_keys,
        CertificateProfile.rule,
        CertificateProfile.requires_approval,
        CertificateProfile.revocation_requires_approval,
        CertificateProfile.options,
        func.array(organizations.scalar_subquery(), type_=ARRAY(Uuid())).label("organization_ids"),
        CertificateProfile.created_at,
        CertificateProfile.updated_at,
        CertificateProfile.version,
    )
    return query.where(visible_profiles(principal))


async def content(session: AsyncSession, principal: Principal, profile_id: UUID) -> dict[str, Any]:
    """One profile as the contract shows it; raises NotFound."""
    query = certificate_profiles(principal).where(CertificateProfile.id == profile_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFound("certificate profile")
    shown = row._asdict()
    checked, faults = await compared(session, profile_id)
    return shown | {
        "external_validations": await _external_validations(session, shown),
        "checked_against_ca": checked,
        "ca_faults": fault_members(
            [replace(fault, pointer=f"/options{fault.pointer}") for fault in faults]
        ),
    }


async def _external_validations(
    session: AsyncSession, profile: Mapping[str, Any]
) -> list[dict[str, Any]] | None:
    """For whom each of its organizations enrolls; None where the CA does not want to know."""
    kind = REGISTRY[profile["backend_type"]]
    if not kind.needs_organization(kind.profile_options.model_validate(profile["options"])):
        return None
    own = ExternalAssignment.organization_id == Organization.id
    chosen = (
        select(ExternalAssignment)
        .where(
            ExternalAssignment.ca_backend_id == profile["ca_backend_id"],
            or_(own, ExternalAssignment.organization_id == Organization.parent_id),
        )
        .order_by(own.desc())
        .limit(1)
        .lateral()
    )
    query = (
        select(
            Organization.id.label("organization_id"),
            chosen.c.id.label("external_assignment_id"),
            chosen.c.external_organization_id,
            chosen.c.name,
            func.coalesce(chosen.c.usable, false()).label("usable"),
            func.coalesce(chosen.c.validations, cast([], JSONB)).label("validations"),
            chosen.c.checked_at,
        )
        .outerjoin(chosen, true())
        .where(Organization.id.in_(profile["organization_ids"]))
        .order_by(Organization.id)
    )
    return [each._asdict() for each in await session.execute(query)]


async def certificate_profile(
    session: AsyncSession, principal: Principal, profile_id: UUID
) -> CertificateProfile:
    """One profile to work on; raises NotFound when there is none the caller may see."""
    found = await session.scalar(
        select(CertificateProfile).where(
            CertificateProfile.id == profile_id, visible_profiles(principal)
        )
    )
    if found is None:
        raise NotFound("certificate profile")
    return found


async def was_checked(session: AsyncSession, profile: CertificateProfile) -> bool:
    """Whether the version that is there was compared with the CA when it was saved."""
    rules = await session.scalar(
        select(CertificateProfileVersion.rules).where(
            CertificateProfileVersion.certificate_profile_id == profile.id,
            CertificateProfileVersion.version == profile.version,
        )
    )
    return ProfileRules.model_validate(rules).checked_against_ca


async def unknown_organizations(
    session: AsyncSession, principal: Principal, wanted: Sequence[UUID]
) -> set[UUID]:
    """Those of `wanted` that are no organizations the caller may see."""
    query = select(Organization.id).where(
        Organization.id.in_(wanted), within(principal, Organization.id)
    )
    return set(wanted) - set(await session.scalars(query))


async def delegations(session: AsyncSession, profile_id: UUID) -> set[UUID]:
    """Every organization the profile is delegated to."""
    query = select(_Delegation.organization_id).where(
        _Delegation.certificate_profile_id == profile_id
    )
    return set(await session.scalars(query))


async def delegate(
    session: AsyncSession, profile_id: UUID, *, add: Collection[UUID], remove: Collection[UUID]
) -> None:
    """Change who may use the profile."""
    if remove:
        await session.execute(
            delete(_Delegation).where(
                _Delegation.certificate_profile_id == profile_id,
                _Delegation.organization_id.in_(remove),
            )
        )
    if add:
        rows = [{"certificate_profile_id": profile_id, "organization_id": each} for each in add]
        await session.execute(insert(_Delegation), rows)
