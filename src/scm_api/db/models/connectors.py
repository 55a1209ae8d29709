"""Connectors and the local CA backends they hold."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from scm_api.db.base import Base, Versioned


class Connector(Versioned, Base):
    """What reaches CAs; kind `embedded` runs inside this service."""

    __tablename__ = "connectors"

    name: Mapped[str] = mapped_column(String(128), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    description: Mapped[str] = mapped_column(String(1024), default="")


class LocalCaBackend(Versioned, Base):
    """A named connection with its credentials.

    `sealed_secrets` is AES-GCM text bound to this row's id (`core.sealing`); its plain text is
    the JSON of the backend type's secrets model and leaves the row only towards a driver.
    """

    __tablename__ = "local_ca_backends"
    __table_args__ = (UniqueConstraint("connector_id", "name"),)

    connector_id: Mapped[UUID] = mapped_column(ForeignKey("connectors.id", ondelete="RESTRICT"))
    name: Mapped[str] = mapped_column(String(128))
    backend_type: Mapped[str] = mapped_column(String(16))
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sealed_secrets: Mapped[bytes] = mapped_column(LargeBinary)
