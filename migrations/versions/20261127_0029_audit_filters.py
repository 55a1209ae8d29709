"""Audit events of a time or of an admin are found without a look at every event."""

from collections.abc import Sequence

from alembic import op

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # Events arrive in the order of their times: a summary of each block costs writers nothing.
    op.create_index("ix_audit_events_at", "audit_events", ["at"], postgresql_using="brin")
    op.create_index(
        "ix_audit_events_principal_id_number",
        "audit_events",
        ["principal_id", "number"],
        postgresql_where="principal_id IS NOT NULL",
    )


def downgrade() -> None:
    op.drop_index("ix_audit_events_principal_id_number", "audit_events")
    op.drop_index("ix_audit_events_at", "audit_events")
