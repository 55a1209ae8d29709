"""What holds for the whole account."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Boolean, CheckConstraint, Integer, SmallInteger, func, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from scm_api.db.base import Base

ONLY_ROW: Final = 1


class AccountSettings(Base):
    """One row, made by the migration. `version` is the ETag."""

    __tablename__ = "account_settings"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    mrao_may_approve_own_requests: Mapped[bool] = mapped_column(
        Boolean, server_default=text("false")
    )
    refuse_keys_in_use: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    version: Mapped[int] = mapped_column(Integer, server_default="1")

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version, "eager_defaults": True}
