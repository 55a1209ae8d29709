"""Enrollments and their attempts at the CA."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ForeignKey,
    ForeignKeyConstraint,
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

CHANNEL: Final = "scm_enrollments"
"""Where PostgreSQL tells the ids of enrollments whose state changed."""


class Enrollment(Identified, Base):
    """One request for one certificate, from intent to outcome.

    `due_at` is when the next step is to be taken (null: nothing to do by itself).
    `lease_generation` grows each time a worker takes the enrollment; a worker writes only while
    the generation is still its own. `version` counts state changes and is the ETag.
    `steps` counts how often the CA was asked since the last progress, `failures` unexpected
    errors of ours in a row; both space out what follows and start again with each progress.
    `external_organization_id` is for whom the CA is asked, where it validates organizations.
    `requester_known_to` are the other admins who knew the API key it was asked with.
    `key_made` says that the service made the key, which it does not have.
    `people` are those a client certificate is for (`core.quota`), null for other types.
    `approval_expires_at` is set where the profile requires approval: unanswered until then, the
    request is over. `approval_digest` is what was approved, `self_approved` that it was the
    requester who did. With `replace_reason` the certificate it renews is revoked, for that reason,
    once this one is issued. `cancel_requested_at` is when somebody asked to have the order taken
    back that the CA has; null again where the CA does not. `subject` is the account of a directory
    it is made for (`core.subjects`), as it was when it was asked for. `request_id` is the request
    that it is carried on because of: the one it was asked for with, or in which somebody decided
    about it last (null: the service's own doing).
    """

    __tablename__ = "enrollments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["certificate_profile_id", "profile_version"],
            [
                "certificate_profile_versions.certificate_profile_id",
                "certificate_profile_versions.version",
            ],
            ondelete="RESTRICT",
        ),
        Index(None, "organization_id", "id"),
        Index(None, "state", "id"),
        Index(None, "certificate_type", "id"),
        Index(None, "certificate_profile_id", "id"),
        Index(
            "ix_enrollments_people",
            "people",
            postgresql_using="gin",
            postgresql_where="people IS NOT NULL",
        ),
        Index("ix_enrollments_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )

    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("organizations.id", ondelete="RESTRICT")
    )
    certificate_profile_id: Mapped[UUID] = mapped_column(
        ForeignKey("certificate_profiles.id", ondelete="RESTRICT")
    )
    profile_version: Mapped[int] = mapped_column(Integer)
    ca_backend_id: Mapped[UUID] = mapped_column(
        ForeignKey("ca_backends.id", ondelete="RESTRICT"), index=True
    )
    certificate_type: Mapped[str] = mapped_column(String(16))
    requester_id: Mapped[UUID] = mapped_column(ForeignKey("admins.id", ondelete="RESTRICT"))
    requester_known_to: Mapped[list[UUID]] = mapped_column(
        ARRAY(Uuid), default=list, server_default="{}"
    )
    renews_certificate_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("certificates.id", ondelete="RESTRICT", use_alter=True), index=True
    )
    replace_reason: Mapped[str | None] = mapped_column(String(32))
    bulk_renewal_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("bulk_renewals.id", ondelete="RESTRICT"), index=True
    )
    external_organization_id: Mapped[str | None] = mapped_column(String(256))
    csr_der: Mapped[bytes] = mapped_column(LargeBinary)
    spki_sha256: Mapped[str] = mapped_column(String(64), index=True)
    key_type: Mapped[str] = mapped_column(String(32))
    common_name: Mapped[str | None] = mapped_column(String(255))
    names: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    key_made: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    people: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    term_days: Mapped[int] = mapped_column(Integer)
    not_after: Mapped[datetime | None]
    term: Mapped[dict[str, Any]] = mapped_column(JSONB)
    comment: Mapped[str] = mapped_column(String(1024), default="")
    order_options: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    subject: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    state: Mapped[str] = mapped_column(String(24))
    reason_code: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(Text)
    approval_expires_at: Mapped[datetime | None]
    approval_digest: Mapped[str | None] = mapped_column(String(64))
    self_approved: Mapped[bool] = mapped_column(
        Boolean, default=False, server_default=text("false")
    )
    cancel_requested_at: Mapped[datetime | None]
    request_id: Mapped[str | None] = mapped_column(String(64))
    due_at: Mapped[datetime | None]
    lease_generation: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    lease_until: Mapped[datetime | None]
    steps: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    failures: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class EnrollmentAttempt(Base):
    """One order at the CA: stored before it is sent, with the token it is always sent with.

    `first_sent_at` is the database's time at which the first send was about to happen; it is
    null while no send can have reached the CA, and the token's validity is counted from it.
    `untraced_at` is when a look-up at the CA last found nothing; with a `ca_ref`, since when the CA
    tells nothing of the order. `seen_pending_at` is when the order itself was last seen waiting
    there, null where that is not known. One attempt at most is live.
    """

    __tablename__ = "enrollment_attempts"
    __table_args__ = (
        UniqueConstraint("ca_backend_id", "ca_ref"),
        Index(
            "uq_enrollment_attempts_live",
            "enrollment_id",
            unique=True,
            postgresql_where="ended_at IS NULL",
        ),
    )

    enrollment_id: Mapped[UUID] = mapped_column(
        ForeignKey("enrollments.id", ondelete="RESTRICT"), primary_key=True
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ca_backend_id: Mapped[UUID] = mapped_column(ForeignKey("ca_backends.id", ondelete="RESTRICT"))
    token: Mapped[str] = mapped_column(String(36), unique=True)
    first_sent_at: Mapped[datetime | None]
    untraced_at: Mapped[datetime | None]
    seen_pending_at: Mapped[datetime | None]
    ca_ref: Mapped[str | None] = mapped_column(String(512))
    waits_for: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(24))
