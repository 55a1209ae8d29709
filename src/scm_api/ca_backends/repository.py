"""Rows of CA backends, with their health and what uses them."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, literal, null, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement

from scm_api.core.access import Principal
from scm_api.core.errors import NotFound, Use
from scm_api.core.vocabulary import BackendStatus
from scm_api.db.models import (
    CaBackend,
    CaBackendHealth,
    CaChoices,
    CertificateProfile,
    Enrollment,
    LocalCaBackend,
)
from scm_api.db.scope import visible_ca_backends
from scm_api.db.statements import AnySelect
from scm_api.db.uses import enrollments_using
from scm_api.drivers.registry import REGISTRY
from scm_api.gateway.choices import ISSUING_CAS

_UNSHOWN: Final = frozenset({"connection_options", "issuing_cas"})


def status() -> ColumnElement[str]:
    """Outcome of the last check; a backend nobody checked has no health row."""
    return func.coalesce(CaBackendHealth.status, BackendStatus.UNCHECKED.value)


# What tells of the connection: as it is, and as it reads for everybody but an MRAO.
_CONNECTION: Final[dict[str, tuple[ColumnElement[Any], ColumnElement[Any]]]] = {
    "connector_id": (LocalCaBackend.connector_id.expression, null()),
    "local_ca_backend_id": (CaBackend.local_ca_backend_id.expression, null()),
    "status_detail": (func.coalesce(CaBackendHealth.detail, ""), literal("")),
    "findings": (
        func.coalesce(CaBackendHealth.findings, literal([], JSONB)),
        literal([], JSONB),
    ),
    "visible_cas": (CaBackendHealth.visible_cas.expression, null()),
}


def ca_backends(principal: Principal) -> AnySelect:
    """CA backends the caller may see; what tells of the connection is for an MRAO only."""
    whole = principal.organization_ids is None
    query = (
        select(
            CaBackend.id,
            CaBackend.name,
            CaBackend.description,
            CaBackend.backend_type,
            status().label("status"),
            CaBackendHealth.checked_at,
            *(
                (known if whole else hidden).label(name)
                for name, (known, hidden) in _CONNECTION.items()
            ),
            CaBackend.created_at,
            CaBackend.updated_at,
            CaBackend.version,
            LocalCaBackend.options.label("connection_options"),
            CaChoices.items.label("issuing_cas"),
        )
        .join(LocalCaBackend, LocalCaBackend.id == CaBackend.local_ca_backend_id)
        .outerjoin(CaBackendHealth, CaBackendHealth.ca_backend_id == CaBackend.id)
        .outerjoin(
            CaChoices,
            (CaChoices.ca_backend_id == CaBackend.id) & (CaChoices.kind == "issuing_cas"),
        )
    )
    return query.where(visible_ca_backends(principal))


def shown(principal: Principal, row: Mapping[str, Any]) -> dict[str, Any]:
    """One row as the contract shows it."""
    kind = REGISTRY[row["backend_type"]]
    connection = kind.connection_options.model_validate(row["connection_options"])
    known = row["issuing_cas"]
    cas = None if known is None else ISSUING_CAS.validate_python(known)
    abilities = kind.abilities(connection, cas)
    whole = principal.organization_ids is None
    return {name: value for name, value in row.items() if name not in _UNSHOWN} | {
        "abilities": [
            {
                "name": each.name,
                "available": each.available,
                "detail": each.detail if whole else "",
            }
            for each in abilities
        ]
    }


async def content(
    session: AsyncSession, principal: Principal, ca_backend_id: UUID
) -> dict[str, Any]:
    """One CA backend as the contract shows it; raises NotFound."""
    query = ca_backends(principal).where(CaBackend.id == ca_backend_id)
    row = (await session.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound("CA backend")
    return shown(principal, dict(row))


async def ca_backend(session: AsyncSession, principal: Principal, ca_backend_id: UUID) -> CaBackend:
    """One CA backend to work on; raises NotFound when there is none the caller may see."""
    found = await session.scalar(
        select(CaBackend).where(CaBackend.id == ca_backend_id, visible_ca_backends(principal))
    )
    if found is None:
        raise NotFound("CA backend")
    return found


async def backend_type_of(
    session: AsyncSession, principal: Principal, local_id: UUID
) -> str | None:
    """The backend type of a local CA backend the caller may refer to, if there is one."""
    if principal.organization_ids is not None:
        return None
    backend_type: str | None = await session.scalar(
        select(LocalCaBackend.backend_type).where(LocalCaBackend.id == local_id)
    )
    return backend_type


async def uses_of_ca_backend(
    session: AsyncSession, principal: Principal, ca_backend_id: UUID
) -> list[Use]:
    """Certificate profiles that issue through the CA backend, and a few enrollments that did."""
    profiles = await session.execute(
        select(CertificateProfile.id, CertificateProfile.name).where(
            CertificateProfile.ca_backend_id == ca_backend_id
        )
    )
    through_it = Enrollment.ca_backend_id == ca_backend_id
    enrollments, _ = await enrollments_using(session, principal, through_it)
    return [*(Use("certificate_profile", row.id, row.name) for row in profiles), *enrollments]
