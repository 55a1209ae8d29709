"""What an operator is told of certificates is found without a look at every certificate."""

from collections.abc import Sequence

from alembic import op

revision: str = "0031"
down_revision: str | None = "0030"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_UNDER_WAY = "ix_certificates_revocation_under_way"
_FOR_A_PERSON = "ix_certificates_for_a_person"


def _index_under_way(*columns: str) -> None:
    op.drop_index(_UNDER_WAY, "certificates")
    op.create_index(
        _UNDER_WAY,
        "certificates",
        columns,
        postgresql_where="revocation_state IN ('requested', 'scheduled', 'pending_ca')",
    )


def upgrade() -> None:
    _index_under_way("revocation_state", "revocation_requested_at")
    op.create_index(
        _FOR_A_PERSON,
        "certificates",
        ["not_after"],
        postgresql_where="quarantined IS NOT NULL OR revocation_state = 'refused'",
    )


def downgrade() -> None:
    op.drop_index(_FOR_A_PERSON, "certificates")
    _index_under_way("revocation_requested_at")
