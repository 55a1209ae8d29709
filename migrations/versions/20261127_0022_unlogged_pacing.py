"""Pacing is no longer written ahead: after a crash of the server it begins anew."""

from collections.abc import Sequence

from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE rate_limits SET UNLOGGED")


def downgrade() -> None:
    op.execute("ALTER TABLE rate_limits SET LOGGED")
