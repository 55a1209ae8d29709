"""Orders that the CA is asked to take back."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    column = sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("enrollments", column)


def downgrade() -> None:
    op.drop_column("enrollments", "cancel_requested_at")
