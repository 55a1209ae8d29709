"""Certificates that are renewed by the service itself, where their profile says so."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    switch = sa.Column("auto_renew", sa.Boolean(), server_default="false", nullable=False)
    op.add_column("certificate_profiles", switch)
    op.add_column("certificates", sa.Column("renewal_tried_at", sa.DateTime(timezone=True)))
    op.add_column("certificates", sa.Column("renewal_problem", sa.Text()))


def downgrade() -> None:
    # The code before refuses rules with a field it does not know.
    op.execute("UPDATE certificate_profile_versions SET rules = rules - 'auto_renew'")
    op.drop_column("certificates", "renewal_problem")
    op.drop_column("certificates", "renewal_tried_at")
    op.drop_column("certificate_profiles", "auto_renew")
