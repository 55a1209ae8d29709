"""Declarative base, with one naming rule, so that errors and migrations can name constraints."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, MetaData, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): ids sort by creation, which keeps index pages hot and pages stable."""
    return uuid7()


class Base(DeclarativeBase):
    """Every table of this service; times are `timestamptz`, 64-bit where a count may grow."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        int: BigInteger,
    }


class Identified:
    """A row with an id of ours."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Versioned(Identified):
    """A row people edit. `version` grows with each change and is the resource's ETag.

    SQLAlchemy adds `WHERE version = …` to each UPDATE and DELETE and raises StaleDataError when
    no row matched, so a lost update cannot happen silently.
    """

    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    version: Mapped[int] = mapped_column(Integer, nullable=False)

    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version, "eager_defaults": True}
