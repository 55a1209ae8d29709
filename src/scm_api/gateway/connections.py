"""From a CA backend's row to an open driver: the only place where secrets are opened."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.errors import NotFound
from scm_api.core.sealing import KeyRing, Unsealable
from scm_api.db.models import CaBackend, LocalCaBackend
from scm_api.db.secrets import secrets_owner
from scm_api.db.session import Database
from scm_api.drivers.base import Driver
from scm_api.drivers.errors import BackendRefused
from scm_api.drivers.kinds import BackendKind
from scm_api.drivers.pool import DriverPool
from scm_api.drivers.registry import REGISTRY
from scm_api.gateway.pacing import DatabaseLimiter


@dataclass(frozen=True)
class Connection:
    """One CA backend's connection as stored: what a driver is opened from."""

    ca_backend_id: UUID
    name: str
    kind: BackendKind
    local_ca_backend_id: UUID
    version: int
    options: dict[str, Any]
    sealed_secrets: bytes

    @cached_property
    def parsed_options(self) -> Any:
        """The connection options as the backend type's model."""
        return self.kind.connection_options.model_validate(self.options)


CONNECTION_COLUMNS: Final = (
    CaBackend.id.label("ca_backend_id"),
    CaBackend.name,
    LocalCaBackend.backend_type,
    LocalCaBackend.id.label("local_ca_backend_id"),
    LocalCaBackend.version,
    LocalCaBackend.options,
    LocalCaBackend.sealed_secrets,
)
"""What `connection_from` reads; to be selected from a CA backend and its local CA backend."""

_CONNECTION: Final = select(*CONNECTION_COLUMNS).where(
    CaBackend.id == bindparam("ca_backend_id"), CaBackend.local_ca_backend_id == LocalCaBackend.id
)


def connection_from(row: Mapping[str, Any]) -> Connection:
    """The connection in a row that has CONNECTION_COLUMNS."""
    return Connection(
        row["ca_backend_id"],
        row["name"],
        REGISTRY[row["backend_type"]],
        row["local_ca_backend_id"],
        row["version"],
        row["options"],
        row["sealed_secrets"],
    )


async def connection_of(session: AsyncSession, ca_backend_id: UUID) -> Connection:
    """Load one CA backend's connection; raises NotFound when the backend is gone."""
    found = await session.execute(_CONNECTION, {"ca_backend_id": ca_backend_id})
    row = found.one_or_none()
    if row is None:
        raise NotFound("CA backend")
    return connection_from(row._asdict())


class Gateway:
    """Opens drivers, each once per local CA backend version and process."""

    def __init__(self, database: Database, ring: KeyRing, pool: DriverPool) -> None:
        self._ring = ring
        self._pool = pool
        self._limiter = DatabaseLimiter(database)

    async def driver(self, connection: Connection) -> Driver:
        """The open driver for a connection; raises BackendRefused when its secrets do not open."""
        return await self._pool.get(
            connection.local_ca_backend_id,
            connection.version,
            lambda: self._open(connection),
        )

    async def _open(self, connection: Connection) -> Driver:
        owner = secrets_owner(connection.local_ca_backend_id)
        try:
            plain = self._ring.open(connection.sealed_secrets, owner)
        except Unsealable as error:
            raise BackendRefused(
                f"The secrets of this CA backend cannot be read: {error}. Store them again."
            ) from error
        secrets = connection.kind.secrets.model_validate_json(plain)
        return await connection.kind.open(connection.parsed_options, secrets, self._limiter)
