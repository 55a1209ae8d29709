"""The account of a directory that an enrollment is made for."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("subject", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("enrollments", "subject")
