"""What a worker does is known by the request that led to it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0033"
down_revision: str | None = "0032"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("request_id", sa.String(64)))
    op.add_column("certificates", sa.Column("revocation_request_id", sa.String(64)))


def downgrade() -> None:
    op.drop_column("certificates", "revocation_request_id")
    op.drop_column("enrollments", "request_id")
