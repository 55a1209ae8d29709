"""Roles with limits for admins, scopes for API keys. Admins there are stay MRAOs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TABLES = ("admins", "api_keys")
_LIMITS = (
    ("organization_ids", sa.Uuid()),
    ("certificate_types", sa.String(length=16)),
    ("privileges", sa.String(length=24)),
)


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("role", sa.String(length=8), nullable=True))
    for table in _TABLES:
        for name, kind in _LIMITS:
            limit = sa.Column(name, postgresql.ARRAY(kind), server_default="{}", nullable=False)
            op.add_column(table, limit)


def downgrade() -> None:
    # Nothing there knows limits: who had some must not wake up with the whole account.
    op.execute("UPDATE admins SET active = false WHERE role <> 'mrao'")
    op.execute(
        "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE role IS NOT NULL"
    )
    for table in _TABLES:
        for name, _ in _LIMITS:
            op.drop_column(table, name)
    op.drop_column("api_keys", "role")
