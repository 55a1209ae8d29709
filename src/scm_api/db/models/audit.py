"""What happened, and the answers kept for repeated requests."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, Integer, LargeBinary, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from scm_api.db.base import Base


class AuditEvent(Base):
    """One state change. A trigger refuses UPDATE and DELETE; rows only ever arrive.

    `principal_*` is null for what the service did by itself. Subjects are named by kind and id
    without a foreign key, because events outlive what they tell about.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        Index(None, "subject_id", "number"),
        Index(None, "organization_id", "number"),
        Index(None, "action", "number"),
        Index(None, "at", postgresql_using="brin"),
        Index(
            "ix_audit_events_principal_id_number",
            "principal_id",
            "number",
            postgresql_where="principal_id IS NOT NULL",
        ),
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    action: Mapped[str] = mapped_column(String(64))
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[UUID]
    organization_id: Mapped[UUID | None]
    principal_id: Mapped[UUID | None]
    principal_name: Mapped[str | None] = mapped_column(String(128))
    api_key_id: Mapped[UUID | None]
    request_id: Mapped[str | None] = mapped_column(String(64))
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)


class AuditSeal(Base):
    """One link of the chain over audit events (`core.audit_seals`), as unchangeable as they are."""

    __tablename__ = "audit_seals"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    through: Mapped[int] = mapped_column(BigInteger)
    events: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str] = mapped_column(String(64))
    proof: Mapped[bytes] = mapped_column(LargeBinary)


class IdempotencyRecord(Base):
    """The answer given to one Idempotency-Key of one principal, replayed for a repeat.

    `body` is sealed, and begins with the SHA-256 of the request where `request_digest` is empty.
    """

    __tablename__ = "idempotency_records"
    __table_args__ = (Index(None, "created_at"),)

    principal_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    request_digest: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(Integer)
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
