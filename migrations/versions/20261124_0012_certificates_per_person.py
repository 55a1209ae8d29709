"""How many certificates a person may have, and whom an enrollment is for."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("certificate_profiles", sa.Column("max_valid_certificates", sa.Integer()))
    switch = sa.Column("auto_revoke", sa.Boolean(), server_default="false", nullable=False)
    op.add_column("certificate_profiles", switch)
    op.add_column("enrollments", sa.Column("people", postgresql.ARRAY(sa.Text())))
    op.create_index(
        "ix_enrollments_people",
        "enrollments",
        ["people"],
        postgresql_using="gin",
        postgresql_where=sa.text("people IS NOT NULL"),
    )


def downgrade() -> None:
    # The code before refuses rules with fields it does not know.
    op.execute(
        "UPDATE certificate_profile_versions"
        " SET rules = rules - 'max_valid_certificates' - 'auto_revoke'"
    )
    op.drop_index("ix_enrollments_people", "enrollments")
    op.drop_column("enrollments", "people")
    op.drop_column("certificate_profiles", "auto_revoke")
    op.drop_column("certificate_profiles", "max_valid_certificates")
