"""Revocations of many certificates at once, and how far each got."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "bulk_revocations",
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("comment", sa.String(length=1024), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_revocations")),
    )
    op.create_table(
        "bulk_revocation_certificates",
        sa.Column("bulk_revocation_id", sa.Uuid(), nullable=False),
        sa.Column("certificate_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bulk_revocation_id"],
            ["bulk_revocations.id"],
            name=op.f("fk_bulk_revocation_certificates_bulk_revocation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["certificate_id"],
            ["certificates.id"],
            name=op.f("fk_bulk_revocation_certificates_certificate_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint(
            "bulk_revocation_id", "certificate_id", name=op.f("pk_bulk_revocation_certificates")
        ),
    )
    op.create_index(
        op.f("ix_bulk_revocation_certificates_certificate_id"),
        "bulk_revocation_certificates",
        ["certificate_id"],
    )


def downgrade() -> None:
    op.drop_table("bulk_revocation_certificates")
    op.drop_table("bulk_revocations")
