"""A certificate profile may have a rule of its own."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the column; what exists has no rule."""
    op.add_column(
        "certificate_profiles",
        sa.Column("rule", postgresql.JSONB(none_as_null=True, astext_type=sa.Text())),
    )


def downgrade() -> None:
    """Take the column away, and the field from kept rules: the code before refuses what it does
    not know."""
    op.execute("UPDATE certificate_profile_versions SET rules = rules - 'rule'")
    op.drop_column("certificate_profiles", "rule")
