"""Revocations that are under way are found without a look at every certificate."""

from collections.abc import Sequence

from alembic import op

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_NAME = "ix_certificates_revocation_under_way"


def upgrade() -> None:
    op.create_index(
        _NAME,
        "certificates",
        ["revocation_requested_at"],
        postgresql_where="revocation_state IN ('requested', 'scheduled', 'pending_ca')",
    )


def downgrade() -> None:
    op.drop_index(_NAME, "certificates")
