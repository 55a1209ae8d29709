"""Organizations as CAs know them, and for whom enrollments are ordered."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
    )


def upgrade() -> None:
    op.create_table(
        "external_assignments",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("ca_backend_id", sa.Uuid(), nullable=False),
        sa.Column("external_organization_id", sa.String(length=256), nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("usable", sa.Boolean(), nullable=False),
        sa.Column("validations", postgresql.JSONB(), nullable=False),
        _moment("checked_at"),
        _moment("updated_at"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _moment("created_at"),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_external_assignments_organization_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["ca_backend_id"],
            ["ca_backends.id"],
            name=op.f("fk_external_assignments_ca_backend_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_assignments")),
        sa.UniqueConstraint(
            "organization_id",
            "ca_backend_id",
            name=op.f("uq_external_assignments_organization_id_ca_backend_id"),
        ),
    )
    op.create_index(
        op.f("ix_external_assignments_ca_backend_id"), "external_assignments", ["ca_backend_id"]
    )
    column = sa.Column("external_organization_id", sa.String(length=256), nullable=True)
    op.add_column("enrollments", column)


def downgrade() -> None:
    op.drop_column("enrollments", "external_organization_id")
    op.drop_table("external_assignments")
