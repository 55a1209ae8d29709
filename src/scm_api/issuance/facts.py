"""Everything a request is judged by, loaded in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import (
    ColumnElement,
    Integer,
    ScalarSelect,
    String,
    Subquery,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from scm_api.core.access import Principal, sees
from scm_api.core.errors import Fault
from scm_api.db.models import (
    AccountSettings,
    BlockedKey,
    CaBackend,
    CaChoices,
    CertificateProfile,
    CertificateProfileDelegation,
    CertificateProfileVersion,
    Enrollment,
    ExternalAssignment,
    LocalCaBackend,
    Organization,
    OrganizationDomain,
    OrganizationDomainDelegation,
)
from scm_api.db.scope import visible_profiles
from scm_api.db.statements import AnySelect, Single, Statement
from scm_api.drivers.base import IssuingCa, Template
from scm_api.drivers.registry import REGISTRY
from scm_api.gateway.choices import ISSUING_CAS, TEMPLATES
from scm_api.issuance.key_holders import in_use_elsewhere
from scm_api.issuance.rules import ProfileRules
from scm_api.web.references import unknown_reference

Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class External:
    """The external organization that is assigned, its parent's for a department without one.

    `validations` are as they are kept: type, status and end of each.
    """

    id: str
    usable: bool
    validations: Sequence[Mapping[str, Any]] = ()

    @property
    def in_force(self) -> frozenset[str]:
        """Types of the validations that are in force."""
        return frozenset(each["type"] for each in self.validations if each["status"] == "active")


class CasUnknown(Exception):
    """The CA has to be asked first which CAs it has, since this is to be judged by one of them."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was true, in one snapshot, about organization, profile, CA and key.

    `owned_domains` are those delegated to it as well. `issuing_cas` is None when the CA could not
    be asked yet; so is `templates`, which are known only for a profile that was not compared with
    them when it was saved. `key_in_use` is whether another organization has the key.
    `connection_options` are as they are kept, in JSON. `now` is the database's clock.
    """

    organization_id: UUID
    certificate_profile_id: UUID
    profile_version: int
    profile_enabled: bool
    delegated: bool
    owned_domains: tuple[str, ...]
    key_blocked: bool
    key_in_use: bool
    refuses_keys_in_use: bool
    rules: ProfileRules
    connection_options: str
    issuing_cas: Sequence[IssuingCa] | None
    now: datetime
    external: External | None = None
    templates: Sequence[Template] | None = None

    @property
    def connection(self) -> Any:
        """The connection's options as the backend type's own model."""
        return connection_of(self.rules.backend_type, self.connection_options)


async def load_facts(
    session: AsyncSession | Single,
    principal: Principal | None,
    *,
    organization_id: UUID,
    certificate_profile_id: UUID,
    spki_sha256: str,
    profile_version: int | None = None,
    enrollment_id: UUID | None = None,
) -> tuple[Facts | None, list[Fault]]:
    """The facts, or `reference-not-found` faults for what does not exist in the caller's sight.

    `principal` is None for the service itself. `profile_version` asks for the rules as they were
    then; everything else is as it is now. `enrollment_id` is that of a stored one.
    """
    asked = {
        "organization_id": organization_id,
        "certificate_profile_id": certificate_profile_id,
        "profile_version": profile_version,
        "spki_sha256": spki_sha256,
        "enrollment_id": enrollment_id,
    }
    (row,) = await _FACTS.fetch(session, asked)
    faults = []
    known = principal is None or sees(principal, organization_id)
    if row["organization_id"] is None or not known:
        faults.append(unknown_reference("/organization_id", "organization"))
    if row["profile_version"] is None or not (
        principal is None or await _sees_profile(session, principal, row, certificate_profile_id)
    ):
        faults.append(unknown_reference("/certificate_profile_id", "certificate profile"))
    return (None, faults) if faults else (_facts(row, certificate_profile_id), [])


async def facts_of(
    session: AsyncSession | Single, enrollment: Enrollment
) -> tuple[Facts | None, list[Fault]]:
    """The facts of a stored enrollment, by the rules under which it was accepted."""
    return await load_facts(
        session,
        None,
        organization_id=enrollment.organization_id,
        certificate_profile_id=enrollment.certificate_profile_id,
        spki_sha256=enrollment.spki_sha256,
        profile_version=enrollment.profile_version,
        enrollment_id=enrollment.id,
    )


async def _sees_profile(
    session: AsyncSession | Single, principal: Principal, row: Found, profile_id: UUID
) -> bool:
    """Asks the database only where the row does not tell: a profile of another organization."""
    if rules_of(row["rules"]).certificate_type not in principal.certificate_types:
        return False
    if principal.organization_ids is None:
        return True
    if row["delegated"] and row["organization_id"] in principal.organization_ids:
        return True
    seen = exists().where(CertificateProfile.id == profile_id, visible_profiles(principal))
    (found,) = await Statement(select(seen.label("seen"))).fetch(session, {})
    return bool(found["seen"])


def _statement() -> AnySelect:
    """One row in any case; columns of what does not exist are null."""
    organization_id = bindparam("organization_id", type_=Uuid)
    profile_id = bindparam("certificate_profile_id", type_=Uuid)
    spki_sha256 = bindparam("spki_sha256", type_=String)
    enrollment_id = bindparam("enrollment_id", type_=Uuid)
    delegated = exists().where(
        CertificateProfileDelegation.certificate_profile_id == profile_id,
        CertificateProfileDelegation.organization_id == organization_id,
    )
    organization = select(Organization.id).where(Organization.id == organization_id)
    profile = profile_with_offers()
    domains = _domains(organization_id, profile.c.rules["certificate_type"].astext)
    one = select(func.now().label("now")).subquery()
    return select(
        one.c.now,
        organization.scalar_subquery().label("organization_id"),
        profile.c.enabled.label("profile_enabled"),
        profile.c.version.label("profile_version"),
        cast(profile.c.rules, Text).label("rules"),
        cast(profile.c.options, Text).label("connection_options"),
        cast(profile.c.issuing_cas, Text).label("issuing_cas"),
        cast(profile.c.templates, Text).label("templates"),
        domains.label("owned_domains"),
        cast(_external(organization_id, profile.c.ca_backend_id), Text).label("external"),
        delegated.label("delegated"),
        exists().where(BlockedKey.spki_sha256 == spki_sha256).label("key_blocked"),
        in_use_elsewhere(spki_sha256, organization_id, enrollment_id).label("key_in_use"),
        select(AccountSettings.refuse_keys_in_use).scalar_subquery().label("refuses_keys_in_use"),
    ).select_from(one.outerjoin(profile, one.c.now.is_not(None)))


def _domains(
    organization_id: ColumnElement[UUID], certificate_type: ColumnElement[str]
) -> ScalarSelect[Any]:
    """The domains the organization owns, and those it has been delegated for the type."""
    owned = select(OrganizationDomain.name).where(
        OrganizationDomain.organization_id == organization_id
    )
    delegated = (
        select(OrganizationDomain.name)
        .join(
            OrganizationDomainDelegation,
            OrganizationDomainDelegation.domain_id == OrganizationDomain.id,
        )
        .where(
            OrganizationDomainDelegation.organization_id == organization_id,
            certificate_type == any_(OrganizationDomainDelegation.certificate_types),
        )
    )
    return select(func.array(owned.union_all(delegated).scalar_subquery())).scalar_subquery()


def _external(
    organization_id: ColumnElement[UUID], ca_backend_id: ColumnElement[UUID]
) -> ScalarSelect[Any]:
    """The organization's own assignment, before that of the organization it is a department of."""
    parent = select(Organization.parent_id).where(Organization.id == organization_id)
    own = ExternalAssignment.organization_id == organization_id
    return (
        select(
            func.jsonb_build_object(
                "id",
                ExternalAssignment.external_organization_id,
                "usable",
                ExternalAssignment.usable,
                "validations",
                ExternalAssignment.validations,
            )
        )
        .where(
            ExternalAssignment.ca_backend_id == ca_backend_id,
            or_(own, ExternalAssignment.organization_id == parent.scalar_subquery()),
        )
        .order_by(own.desc())
        .limit(1)
        .scalar_subquery()
    )


def profile_with_offers() -> Subquery:
    """The profile with the rules asked for, and of the CA backend these name, which the profile may
    have left since: its connection's options and what is known of its CA, templates only where the
    rules were not compared with them."""
    offered = aliased(CaChoices)
    version = bindparam("profile_version", type_=Integer)
    return (
        select(
            CertificateProfile.enabled,
            CaBackend.id.label("ca_backend_id"),
            CertificateProfileVersion.version,
            CertificateProfileVersion.rules,
            LocalCaBackend.options,
            CaChoices.items.label("issuing_cas"),
            offered.items.label("templates"),
        )
        .join(
            CertificateProfileVersion,
            (CertificateProfileVersion.certificate_profile_id == CertificateProfile.id)
            & (
                CertificateProfileVersion.version
                == func.coalesce(version, CertificateProfile.version)
            ),
        )
        .join(
            CaBackend,
            CaBackend.id == cast(CertificateProfileVersion.rules["ca_backend_id"].astext, Uuid),
        )
        .join(LocalCaBackend, LocalCaBackend.id == CaBackend.local_ca_backend_id)
        .outerjoin(
            CaChoices,
            (CaChoices.ca_backend_id == CaBackend.id) & (CaChoices.kind == "issuing_cas"),
        )
        .outerjoin(
            offered,
            (offered.ca_backend_id == CaBackend.id)
            & (offered.kind == "templates")
            & (CertificateProfileVersion.rules["checked_against_ca"].astext == "false"),
        )
        .where(CertificateProfile.id == bindparam("certificate_profile_id", type_=Uuid))
        .subquery()
    )


_FACTS: Final = Statement(_statement())


def _facts(row: Found, profile_id: UUID) -> Facts:
    cas, templates, external = row["issuing_cas"], row["templates"], row["external"]
    return Facts(
        organization_id=row["organization_id"],
        certificate_profile_id=profile_id,
        profile_version=row["profile_version"],
        profile_enabled=row["profile_enabled"],
        delegated=row["delegated"],
        owned_domains=tuple(row["owned_domains"] or ()),
        key_blocked=row["key_blocked"],
        key_in_use=row["key_in_use"],
        refuses_keys_in_use=row["refuses_keys_in_use"],
        rules=rules_of(row["rules"]),
        connection_options=row["connection_options"],
        issuing_cas=None if cas is None else issuing_cas_of(cas),
        now=row["now"],
        external=External(**orjson.loads(external)) if external else None,
        templates=None if templates is None else templates_of(templates),
    )


# What is kept is read at each request, and understood once: the same text means the same.
@lru_cache(1_024)
def rules_of(kept: str) -> ProfileRules:
    """A version of a profile from its JSON."""
    return ProfileRules.model_validate(orjson.loads(kept))


@lru_cache(256)
def connection_of(backend_type: str, kept: str) -> Any:
    """The options of a connection from their JSON."""
    return REGISTRY[backend_type].connection_options.model_validate(orjson.loads(kept))


@lru_cache(64)
def issuing_cas_of(kept: str) -> Sequence[IssuingCa]:
    """The list of issuing CAs from its JSON."""
    return tuple(ISSUING_CAS.validate_python(orjson.loads(kept)))


@lru_cache(64)
def templates_of(kept: str) -> Sequence[Template]:
    """The list of templates from its JSON."""
    return tuple(TEMPLATES.validate_python(orjson.loads(kept)))
