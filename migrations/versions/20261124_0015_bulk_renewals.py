"""Renewals of many certificates at once."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "bulk_renewals",
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("comment", sa.String(length=1024), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_renewals")),
    )
    op.add_column("enrollments", sa.Column("bulk_renewal_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_enrollments_bulk_renewal_id"),
        "enrollments",
        "bulk_renewals",
        ["bulk_renewal_id"],
        ["id"],
        ondelete="RESTRICT",
    )
    op.create_index(op.f("ix_enrollments_bulk_renewal_id"), "enrollments", ["bulk_renewal_id"])


def downgrade() -> None:
    op.drop_column("enrollments", "bulk_renewal_id")
    op.drop_table("bulk_renewals")
