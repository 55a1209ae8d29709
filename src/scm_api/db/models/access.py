"""Admins and the API keys they act with."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from scm_api.db.base import Base, Versioned


class Admin(Versioned, Base):
    """Somebody who may use the service, in one role."""

    __tablename__ = "admins"

    name: Mapped[str] = mapped_column(String(128))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    role: Mapped[str] = mapped_column(String(8))
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class ApiKey(Versioned, Base):
    """A 256-bit random key, kept as HMAC-SHA-256 only; `prefix` lets people recognise it."""

    __tablename__ = "api_keys"

    admin_id: Mapped[UUID] = mapped_column(ForeignKey("admins.id", ondelete="RESTRICT"), index=True)
    name: Mapped[str] = mapped_column(String(128))
    prefix: Mapped[str] = mapped_column(String(16))
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
