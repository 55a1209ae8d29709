"""Certificate profiles, every version they ever had, and who may use them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Integer, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from scm_api.db.base import Base, Versioned


class CertificateProfile(Versioned, Base):
    """What may be issued through one CA backend. `options` belong to its backend type."""

    __tablename__ = "certificate_profiles"

    name: Mapped[str] = mapped_column(String(128), unique=True)
    ca_backend_id: Mapped[UUID] = mapped_column(
        ForeignKey("ca_backends.id", ondelete="RESTRICT"), index=True
    )
    backend_type: Mapped[str] = mapped_column(String(16))
    certificate_type: Mapped[str] = mapped_column(String(16))
    description: Mapped[str] = mapped_column(String(1024), default="")
    enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    term: Mapped[dict[str, Any]] = mapped_column(JSONB)
    key_types: Mapped[list[str]] = mapped_column(JSONB)
    domain_policy: Mapped[dict[str, Any]] = mapped_column(JSONB)
    allow_renew: Mapped[bool] = mapped_column(Boolean, default=True)
    renew_with_same_key: Mapped[bool] = mapped_column(
        Boolean, default=False, server_default=text("false")
    )
    auto_renew: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    max_valid_certificates: Mapped[int | None] = mapped_column(Integer)
    auto_revoke: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    server_side_keys: Mapped[bool] = mapped_column(
        Boolean, default=False, server_default=text("false")
    )
    rule: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    requires_approval: Mapped[bool] = mapped_column(
        Boolean, default=False, server_default=text("false")
    )
    revocation_requires_approval: Mapped[bool] = mapped_column(
        Boolean, default=False, server_default=text("false")
    )
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)


class CertificateProfileVersion(Base):
    """The rules as they stood: an enrollment is carried out by the version it was judged by."""

    __tablename__ = "certificate_profile_versions"

    certificate_profile_id: Mapped[UUID] = mapped_column(
        ForeignKey("certificate_profiles.id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    rules: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CertificateProfileDelegation(Base):
    """An organization or department that may use the profile; departments do not inherit."""

    __tablename__ = "certificate_profile_delegations"

    certificate_profile_id: Mapped[UUID] = mapped_column(
        ForeignKey("certificate_profiles.id", ondelete="CASCADE"), primary_key=True
    )
    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("organizations.id", ondelete="RESTRICT"), primary_key=True, index=True
    )
