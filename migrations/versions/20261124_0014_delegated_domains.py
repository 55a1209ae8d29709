"""Domains that others than their owner may use."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "organization_domain_delegations",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("certificate_types", postgresql.ARRAY(sa.String(16)), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id"],
            ["organization_domains.id"],
            name=op.f("fk_organization_domain_delegations_domain_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_organization_domain_delegations_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "domain_id", "organization_id", name=op.f("pk_organization_domain_delegations")
        ),
    )
    op.create_index(
        op.f("ix_organization_domain_delegations_organization_id"),
        "organization_domain_delegations",
        ["organization_id"],
    )


def downgrade() -> None:
    op.drop_table("organization_domain_delegations")
