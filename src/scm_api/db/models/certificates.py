"""What CAs issued, as facts, as text, by name, and keys that must not be certified again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from scm_api.db.base import Base, Identified


class Certificate(Identified, Base):
    """Facts of one certificate; `serial_number` is lower-case hex without leading zeros.

    `quarantined` lists why the certificate is not what was asked (null: it is); a quarantined
    certificate is kept and shown, never served. `version` is the ETag. `term` is what was asked and
    granted (`core.granted_term`), `renewal_opens_at` when it should be renewed at the earliest
    (`core.renewal_window`). `revocation_requester_known_to` are the other admins who knew the API
    key its revocation was asked for with. `revocation_expires_at` is set while a revocation waits
    for approval: unanswered until then, it is over. `revocation_effective_at` is when the CA is
    told at the earliest (null: at once), `revocation_request_id` the request that led to it.
    `renewal_tried_at` is when the service last looked at
    renewing it by itself, `renewal_problem` what kept it from that. `deactivated_at` is when its
    unit was given back to the CA's inventory.
    """

    __tablename__ = "certificates"
    __table_args__ = (
        UniqueConstraint("ca_backend_id", "issuer", "serial_number"),
        UniqueConstraint("ca_backend_id", "ca_ref"),
        Index(None, "organization_id", "id"),
        Index(None, "certificate_type", "id"),
        Index(None, "not_after", "id"),
        Index(None, "renewal_opens_at", "id"),
        Index(None, "serial_number"),
        Index(
            "ix_certificates_revocation_expires_at",
            "revocation_expires_at",
            postgresql_where="revocation_expires_at IS NOT NULL",
        ),
        Index(
            "ix_certificates_revocation_under_way",
            "revocation_state",
            "revocation_requested_at",
            postgresql_where="revocation_state IN ('requested', 'scheduled', 'pending_ca')",
        ),
        Index(
            "ix_certificates_for_a_person",
            "not_after",
            postgresql_where="quarantined IS NOT NULL OR revocation_state = 'refused'",
        ),
    )

    enrollment_id: Mapped[UUID] = mapped_column(
        ForeignKey("enrollments.id", ondelete="RESTRICT"), unique=True
    )
    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("organizations.id", ondelete="RESTRICT")
    )
    certificate_profile_id: Mapped[UUID] = mapped_column(
        ForeignKey("certificate_profiles.id", ondelete="RESTRICT"), index=True
    )
    ca_backend_id: Mapped[UUID] = mapped_column(ForeignKey("ca_backends.id", ondelete="RESTRICT"))
    certificate_type: Mapped[str] = mapped_column(String(16))
    renews_certificate_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("certificates.id", ondelete="RESTRICT"), index=True
    )
    ca_ref: Mapped[str] = mapped_column(String(512))
    serial_number: Mapped[str] = mapped_column(String(48))
    issuer: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    common_name: Mapped[str | None] = mapped_column(String(255))
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    term: Mapped[dict[str, Any]] = mapped_column(JSONB)
    renewal_opens_at: Mapped[datetime]
    renewal_tried_at: Mapped[datetime | None]
    renewal_problem: Mapped[str | None] = mapped_column(Text)
    key_type: Mapped[str] = mapped_column(String(32))
    signature_algorithm: Mapped[str] = mapped_column(String(64))
    spki_sha256: Mapped[str] = mapped_column(String(64), index=True)
    fingerprint_sha256: Mapped[str] = mapped_column(String(64), index=True)
    chain_complete: Mapped[bool] = mapped_column(Boolean)
    notes: Mapped[list[str]] = mapped_column(JSONB, default=list)
    quarantined: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    revocation_state: Mapped[str | None] = mapped_column(String(16))
    revocation_reason: Mapped[str | None] = mapped_column(String(32))
    revocation_detail: Mapped[str | None] = mapped_column(Text)
    revocation_requested_at: Mapped[datetime | None]
    revocation_requester_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("admins.id", ondelete="RESTRICT")
    )
    revocation_requester_known_to: Mapped[list[UUID]] = mapped_column(
        ARRAY(Uuid), default=list, server_default="{}"
    )
    revocation_expires_at: Mapped[datetime | None]
    revocation_effective_at: Mapped[datetime | None]
    revocation_self_approved: Mapped[bool] = mapped_column(
        Boolean, default=False, server_default=text("false")
    )
    revocation_request_id: Mapped[str | None] = mapped_column(String(64))
    revoked_at: Mapped[datetime | None]
    deactivated_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")


class CertificateText(Base):
    """The certificate itself, apart from its facts, so that lists never read it.

    `chain_ders` starts with the leaf's issuer.
    """

    __tablename__ = "certificate_texts"

    certificate_id: Mapped[UUID] = mapped_column(
        ForeignKey("certificates.id", ondelete="CASCADE"), primary_key=True
    )
    leaf_der: Mapped[bytes] = mapped_column(LargeBinary)
    chain_ders: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary))


class CertificateName(Base):
    """One subjectAltName entry as the certificate has it, and `comparable`, by which it is looked
    up (`core.names`)."""

    __tablename__ = "certificate_names"
    __table_args__ = (Index(None, "comparable", "certificate_id"),)

    certificate_id: Mapped[UUID] = mapped_column(
        ForeignKey("certificates.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[str] = mapped_column(String(512), primary_key=True)
    comparable: Mapped[str] = mapped_column(String(512))


class BlockedKey(Base):
    """A public key nobody may use again, in any organization (CA/B BR 6.1.1.3 in spirit)."""

    __tablename__ = "blocked_keys"

    spki_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    reason: Mapped[str] = mapped_column(String(256))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
