"""Few certificates of one type are found among many of another."""

from collections.abc import Sequence

from alembic import op

revision: str = "0035"
down_revision: str | None = "0034"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TABLES = ("enrollments", "certificates")


def _name(table: str) -> str:
    return op.f(f"ix_{table}_certificate_type_id")


def upgrade() -> None:
    for table in _TABLES:
        op.create_index(_name(table), table, ["certificate_type", "id"])


def downgrade() -> None:
    for table in _TABLES:
        op.drop_index(_name(table), table)
