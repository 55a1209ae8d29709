"""Replacements, and renewals that keep their key only where the profile allows it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("replace_reason", sa.String(length=32), nullable=True))
    # Profiles there are let renewals keep the key until now, and go on doing so.
    same_key = sa.Column("renew_with_same_key", sa.Boolean(), server_default="true", nullable=False)
    op.add_column("certificate_profiles", same_key)
    op.alter_column("certificate_profiles", "renew_with_same_key", server_default="false")


def downgrade() -> None:
    # Nothing there would revoke the old certificates: replacements have to end first.
    still_open = sa.text(
        "SELECT count(*) FROM enrollments WHERE replace_reason IS NOT NULL AND state NOT IN "
        "('issued', 'declined', 'rejected', 'failed', 'canceled')"
    )
    if count := op.get_bind().scalar(still_open):
        raise RuntimeError(f"{count} replacements are under way; let them end, or cancel them.")
    # The code before refuses rules with a field it does not know.
    op.execute("UPDATE certificate_profile_versions SET rules = rules - 'renew_with_same_key'")
    op.drop_column("certificate_profiles", "renew_with_same_key")
    op.drop_column("enrollments", "replace_reason")
