"""Keys that another organization has a certificate with may be refused."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0032"
down_revision: str | None = "0031"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    column = sa.Column(
        "refuse_keys_in_use", sa.Boolean(), server_default=sa.text("false"), nullable=False
    )
    op.add_column("account_settings", column)


def downgrade() -> None:
    op.drop_column("account_settings", "refuse_keys_in_use")
