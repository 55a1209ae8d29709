"""Renewals of many certificates at once."""

from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from scm_api.db.base import Base, Identified


class BulkRenewal(Identified, Base):
    """One request to renew many. How far it is stands with the enrollments it led to."""

    __tablename__ = "bulk_renewals"

    requester_id: Mapped[UUID]
    comment: Mapped[str] = mapped_column(String(1024))
