"""Revocations that take effect at a time of their own."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    column = sa.Column("revocation_effective_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("certificates", column)


def downgrade() -> None:
    op.drop_column("certificates", "revocation_effective_at")
