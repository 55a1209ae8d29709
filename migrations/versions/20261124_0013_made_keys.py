"""Profiles that have keys made by the service, and enrollments whose key was."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    for table, name in (("certificate_profiles", "server_side_keys"), ("enrollments", "key_made")):
        column = sa.Column(name, sa.Boolean(), server_default="false", nullable=False)
        op.add_column(table, column)


def downgrade() -> None:
    # The code before refuses rules with a field it does not know.
    op.execute("UPDATE certificate_profile_versions SET rules = rules - 'server_side_keys'")
    op.drop_column("enrollments", "key_made")
    op.drop_column("certificate_profiles", "server_side_keys")
