"""Certificates somebody has to look at are found without a look at every certificate."""

from collections.abc import Sequence

from alembic import op

revision: str = "0031"
down_revision: str | None = "0030"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_NAME = "ix_certificates_for_a_person"


def upgrade() -> None:
    op.create_index(
        _NAME,
        "certificates",
        ["not_after"],
        postgresql_where="quarantined IS NOT NULL OR revocation_state = 'refused'",
    )


def downgrade() -> None:
    op.drop_index(_NAME, "certificates")
