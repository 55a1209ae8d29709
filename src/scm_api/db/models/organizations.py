"""Organizations, their departments and the domains they own."""

from uuid import UUID

from sqlalchemy import ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from scm_api.db.base import Base, Identified, Versioned


class Organization(Versioned, Base):
    """A tenant; one with a parent is a department."""

    __tablename__ = "organizations"
    __table_args__ = (UniqueConstraint("parent_id", "name", postgresql_nulls_not_distinct=True),)

    parent_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("organizations.id", ondelete="RESTRICT"), index=True
    )
    name: Mapped[str] = mapped_column(String(128))
    description: Mapped[str] = mapped_column(String(1024), default="")


class OrganizationDomain(Identified, Base):
    """`example.com` covers itself; `*.example.com` is an entry of its own covering sub-names.

    `name` is stored as lower-case A-labels without a trailing dot. `version` is the ETag, and grows
    with each change of who else may use it.
    """

    __tablename__ = "organization_domains"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE")
    )
    name: Mapped[str] = mapped_column(String(255), index=True)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")


class OrganizationDomainDelegation(Base):
    """An organization or department that may use a domain of another, for these types."""

    __tablename__ = "organization_domain_delegations"

    domain_id: Mapped[UUID] = mapped_column(
        ForeignKey("organization_domains.id", ondelete="CASCADE"), primary_key=True
    )
    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    certificate_types: Mapped[list[str]] = mapped_column(ARRAY(String(16)))
