"""Rows of CA backends, with their health and what uses them."""

from typing import Any
from uuid import UUID

from sqlalchemy import false, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement

from scm_api.core.access import Principal
from scm_api.core.errors import NotFound, Use
from scm_api.core.vocabulary import BackendStatus
from scm_api.db.models import (
    CaBackend,
    CaBackendHealth,
    CertificateProfile,
    Enrollment,
    LocalCaBackend,
)
from scm_api.db.statements import AnySelect
from scm_api.db.uses import enrollments_using


def status() -> ColumnElement[str]:
    """Outcome of the last check; a backend nobody checked has no health row."""
    return func.coalesce(CaBackendHealth.status, BackendStatus.UNCHECKED.value)


def ca_backends(principal: Principal) -> AnySelect:
    """CA backends the caller may see: they belong to the account, so only an MRAO sees them."""
    query = (
        select(
            CaBackend.id,
            CaBackend.name,
            CaBackend.description,
            CaBackend.backend_type,
            LocalCaBackend.connector_id,
            CaBackend.local_ca_backend_id,
            status().label("status"),
            func.coalesce(CaBackendHealth.detail, "").label("status_detail"),
            func.coalesce(CaBackendHealth.findings, literal([], JSONB)).label("findings"),
            CaBackendHealth.private_cas,
            CaBackendHealth.checked_at,
            CaBackend.created_at,
            CaBackend.updated_at,
            CaBackend.version,
        )
        .join(LocalCaBackend, LocalCaBackend.id == CaBackend.local_ca_backend_id)
        .outerjoin(CaBackendHealth, CaBackendHealth.ca_backend_id == CaBackend.id)
    )
    return query if principal.organization_ids is None else query.where(false())


async def content(
    session: AsyncSession, principal: Principal, ca_backend_id: UUID
) -> dict[str, Any]:
    """One CA backend as the contract shows it; raises NotFound."""
    query = ca_backends(principal).where(CaBackend.id == ca_backend_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFound("CA backend")
    return row._asdict()


async def ca_backend(session: AsyncSession, principal: Principal, ca_backend_id: UUID) -> CaBackend:
    """One CA backend to work on; raises NotFound when there is none the caller may see."""
    found = await session.get(CaBackend, ca_backend_id)
    if found is None or principal.organization_ids is not None:
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


async def uses_of_ca_backend(session: AsyncSession, ca_backend_id: UUID) -> list[Use]:
    """Certificate profiles that issue through the CA backend, and a few enrollments that did."""
    profiles = await session.execute(
        select(CertificateProfile.id, CertificateProfile.name).where(
            CertificateProfile.ca_backend_id == ca_backend_id
        )
    )
    enrollments, _ = await enrollments_using(session, Enrollment.ca_backend_id == ca_backend_id)
    return [*(Use("certificate_profile", row.id, row.name) for row in profiles), *enrollments]
