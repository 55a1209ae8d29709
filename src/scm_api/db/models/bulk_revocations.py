"""Revocations of many certificates at once."""

from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from scm_api.db.base import Base, Identified


class BulkRevocation(Identified, Base):
    """One request to revoke many. How far it is stands with the certificates themselves."""

    __tablename__ = "bulk_revocations"

    requester_id: Mapped[UUID]
    reason: Mapped[str] = mapped_column(String(32))
    comment: Mapped[str] = mapped_column(String(1024))


class BulkRevocationCertificate(Base):
    """A certificate that a bulk revocation is about."""

    __tablename__ = "bulk_revocation_certificates"

    bulk_revocation_id: Mapped[UUID] = mapped_column(
        ForeignKey("bulk_revocations.id", ondelete="CASCADE"), primary_key=True
    )
    certificate_id: Mapped[UUID] = mapped_column(
        ForeignKey("certificates.id", ondelete="RESTRICT"), primary_key=True, index=True
    )
