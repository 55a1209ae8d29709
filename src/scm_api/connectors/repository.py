"""Rows of connectors and local CA backends."""

from typing import Final
from uuid import UUID

from sqlalchemy import delete, false, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal
from scm_api.core.errors import NotFound, Use
from scm_api.db.models import CaBackend, CaChoices, Connector, LocalCaBackend
from scm_api.db.statements import AnySelect

CONNECTOR: Final = ("id", "name", "kind", "description", "created_at", "updated_at", "version")
"""What the contract shows of a connector."""

LOCAL_CA_BACKEND: Final = (
    "id",
    "connector_id",
    "name",
    "backend_type",
    "options",
    "created_at",
    "updated_at",
    "version",
)
"""What the contract shows of a local CA backend: no secrets."""


def connectors(principal: Principal) -> AnySelect:
    """Connectors the caller may see: they belong to the account, so only an MRAO sees them."""
    query = select(*(getattr(Connector, name) for name in CONNECTOR))
    return query if principal.organization_ids is None else query.where(false())


def local_ca_backends(principal: Principal, connector_id: UUID) -> AnySelect:
    """Local CA backends of one connector, without their secrets."""
    query = select(*(getattr(LocalCaBackend, name) for name in LOCAL_CA_BACKEND)).where(
        LocalCaBackend.connector_id == connector_id
    )
    return query if principal.organization_ids is None else query.where(false())


async def connector(session: AsyncSession, principal: Principal, connector_id: UUID) -> Connector:
    """One connector; raises NotFound when there is none the caller may see."""
    found = await session.get(Connector, connector_id)
    if found is None or principal.organization_ids is not None:
        raise NotFound("connector")
    return found


async def local_ca_backend(
    session: AsyncSession, principal: Principal, connector_id: UUID, local_id: UUID
) -> LocalCaBackend:
    """One local CA backend of that connector; raises NotFound otherwise."""
    found = await session.get(LocalCaBackend, local_id)
    if (
        found is None
        or found.connector_id != connector_id
        or principal.organization_ids is not None
    ):
        raise NotFound("local CA backend")
    return found


async def uses_of_connector(session: AsyncSession, connector_id: UUID) -> list[Use]:
    """Local CA backends that live on the connector."""
    rows = await session.execute(
        select(LocalCaBackend.id, LocalCaBackend.name).where(
            LocalCaBackend.connector_id == connector_id
        )
    )
    return [Use("local_ca_backend", row.id, row.name) for row in rows]


async def uses_of_local_ca_backend(session: AsyncSession, local_id: UUID) -> list[Use]:
    """CA backends that refer to the local CA backend."""
    rows = await session.execute(
        select(CaBackend.id, CaBackend.name).where(CaBackend.local_ca_backend_id == local_id)
    )
    return [Use("ca_backend", row.id, row.name) for row in rows]


async def forget_choices(session: AsyncSession, local_id: UUID) -> None:
    """Drop what CAs offered through the former connection; it is read anew when asked for."""
    backends = select(CaBackend.id).where(CaBackend.local_ca_backend_id == local_id)
    await session.execute(delete(CaChoices).where(CaChoices.ca_backend_id.in_(backends)))
