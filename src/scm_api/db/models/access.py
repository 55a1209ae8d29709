"""Admins, what they may do, and the API keys they act with."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, LargeBinary, String, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from scm_api.db.base import Base, Versioned


class Admin(Versioned, Base):
    """Somebody who may use the service, in one role.

    The limits are those given to an RAO or DRAO; for an MRAO they mean nothing. An id of an
    organization that is gone does no harm: nothing belongs to it.
    """

    __tablename__ = "admins"

    name: Mapped[str] = mapped_column(String(128))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    role: Mapped[str] = mapped_column(String(8))
    organization_ids: Mapped[list[UUID]] = mapped_column(
        ARRAY(Uuid), default=list, server_default="{}"
    )
    certificate_types: Mapped[list[str]] = mapped_column(
        ARRAY(String(16)), default=list, server_default="{}"
    )
    privileges: Mapped[list[str]] = mapped_column(
        ARRAY(String(24)), default=list, server_default="{}"
    )
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class ApiKey(Versioned, Base):
    """A 256-bit random key, kept as HMAC-SHA-256 only; `prefix` lets people recognise it.

    With a `role` the key has a scope, and the limits are its own; without one it acts with all
    its owner's rights. `known_to` are the other admins through whose hands it came: who made it,
    and who knew the key it was made with.
    """

    __tablename__ = "api_keys"

    admin_id: Mapped[UUID] = mapped_column(ForeignKey("admins.id", ondelete="RESTRICT"), index=True)
    name: Mapped[str] = mapped_column(String(128))
    prefix: Mapped[str] = mapped_column(String(16))
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    known_to: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list, server_default="{}")
    role: Mapped[str | None] = mapped_column(String(8))
    organization_ids: Mapped[list[UUID]] = mapped_column(
        ARRAY(Uuid), default=list, server_default="{}"
    )
    certificate_types: Mapped[list[str]] = mapped_column(
        ARRAY(String(16)), default=list, server_default="{}"
    )
    privileges: Mapped[list[str]] = mapped_column(
        ARRAY(String(24)), default=list, server_default="{}"
    )
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
