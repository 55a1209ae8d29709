"""Whom a CA knows our organizations as."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, String, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from scm_api.db.base import Base, Versioned


class ExternalAssignment(Versioned, Base):
    """The external organization for which an organization enrolls through one CA backend.

    Departments without one of their own use that of their organization. `usable`, `status` and
    `validations` are what the CA said about it at `checked_at`.
    """

    __tablename__ = "external_assignments"
    __table_args__ = (UniqueConstraint("organization_id", "ca_backend_id"),)

    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE")
    )
    ca_backend_id: Mapped[UUID] = mapped_column(
        ForeignKey("ca_backends.id", ondelete="RESTRICT"), index=True
    )
    external_organization_id: Mapped[str] = mapped_column(String(256))
    name: Mapped[str] = mapped_column(String(512))
    status: Mapped[str] = mapped_column(String(32))
    usable: Mapped[bool] = mapped_column(Boolean)
    validations: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    checked_at: Mapped[datetime] = mapped_column(server_default=func.now())
