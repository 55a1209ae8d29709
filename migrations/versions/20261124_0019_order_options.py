"""What one order says to the CA besides what its profile says."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("order_options", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("enrollments", "order_options")
