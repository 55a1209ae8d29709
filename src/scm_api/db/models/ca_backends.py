"""CA backends: what profiles refer to, with the last known state of the CA behind them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Integer, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from scm_api.db.base import Base, Versioned


class CaBackend(Versioned, Base):
    """A CA account by name. `status` is the outcome of the last check, kept in words."""

    __tablename__ = "ca_backends"

    name: Mapped[str] = mapped_column(String(128), unique=True)
    backend_type: Mapped[str] = mapped_column(String(16))
    local_ca_backend_id: Mapped[UUID] = mapped_column(
        ForeignKey("local_ca_backends.id", ondelete="RESTRICT"), index=True
    )
    description: Mapped[str] = mapped_column(String(1024), default="")


class CaBackendHealth(Base):
    """Outcome of the last check, apart from the backend so that a check changes no ETag.

    `local_version` is the version of the local CA backend that was tried: a refusal says nothing
    about credentials stored since.
    """

    __tablename__ = "ca_backend_health"

    ca_backend_id: Mapped[UUID] = mapped_column(
        ForeignKey("ca_backends.id", ondelete="CASCADE"), primary_key=True
    )
    status: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(Text)
    findings: Mapped[list[str]] = mapped_column(JSONB, default=list)
    visible_cas: Mapped[int | None] = mapped_column("private_cas", Integer, key="visible_cas")
    local_version: Mapped[int] = mapped_column(Integer)
    checked_at: Mapped[datetime]


class CaChoices(Base):
    """What the CA offers a profile form (`issuing_cas`, `templates`), as it was last read."""

    __tablename__ = "ca_choices"

    ca_backend_id: Mapped[UUID] = mapped_column(
        ForeignKey("ca_backends.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    fetched_at: Mapped[datetime]


class RateLimit(Base):
    """Pacing shared by all processes: no call under `key` is sent before `slot_at`, nor before that
    of `key/pause`, which is for how long the CA asked for patience.

    A generic cell rate limiter needs one instant per key, and one UPDATE reserves a slot. Calls
    under a key come one after the other here, so none waits for a disk: a crash of the server
    empties the table, and pacing begins anew.
    """

    __tablename__ = "rate_limits"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    key: Mapped[str] = mapped_column(String(256), primary_key=True)
    slot_at: Mapped[datetime]
