"""What a principal may see, as conditions of SQL: lists and single rows are narrowed alike."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, cast, func, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from scm_api.core.access import Principal
from scm_api.core.rights import EVERY_TYPE, levels_up_to
from scm_api.core.vocabulary import CertificateType
from scm_api.db.models import Admin, CaBackend, CertificateProfile, CertificateProfileDelegation


def within(
    principal: Principal,
    organization_id: InstrumentedAttribute[Any],
    certificate_type: InstrumentedAttribute[Any] | None = None,
) -> ColumnElement[bool]:
    """Rows of the organizations, and of the certificate types, the caller acts for."""
    conditions: list[ColumnElement[bool]] = [true()]
    if principal.organization_ids is not None:
        conditions.append(organization_id.in_(principal.organization_ids))
    if certificate_type is not None:
        conditions.append(of_types(principal.certificate_types, certificate_type))
    return and_(*conditions)


def of_types(
    types: Collection[CertificateType], certificate_type: InstrumentedAttribute[Any]
) -> ColumnElement[bool]:
    """Rows of these certificate types; nothing is compared when they are all there are."""
    if set(types) >= EVERY_TYPE:
        return true()
    return certificate_type.in_(sorted(types))


def delegated_to(organization_ids: Collection[UUID]) -> ColumnElement[bool]:
    """Certificate profiles one of these organizations may use."""
    return CertificateProfile.id.in_(
        select(CertificateProfileDelegation.certificate_profile_id).where(
            CertificateProfileDelegation.organization_id.in_(organization_ids)
        )
    )


def visible_profiles(principal: Principal) -> ColumnElement[bool]:
    """Certificate profiles of the caller's types that its organizations may use."""
    types = of_types(principal.certificate_types, CertificateProfile.certificate_type)
    if principal.organization_ids is None:
        return types
    return and_(types, delegated_to(principal.organization_ids))


def visible_ca_backends(principal: Principal) -> ColumnElement[bool]:
    """CA backends that profiles the caller sees issue through; for an MRAO, all."""
    if principal.organization_ids is None:
        return true()
    return CaBackend.id.in_(
        select(CertificateProfile.ca_backend_id).where(visible_profiles(principal))
    )


def visible_admins(principal: Principal) -> ColumnElement[bool]:
    """The caller, and admins of its level or lower all of whose organizations it acts in."""
    if principal.organization_ids is None:
        return true()
    levels = [role.value for role in levels_up_to(principal.role)]
    seen = cast(sorted(principal.organization_ids), ARRAY(Admin.organization_ids.type.item_type))
    return or_(
        Admin.id == principal.admin_id,
        and_(
            Admin.role.in_(levels),
            func.cardinality(Admin.organization_ids) > 0,
            Admin.organization_ids.contained_by(seen),
        ),
    )
