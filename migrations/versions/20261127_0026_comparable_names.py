"""Certificates are found by a name in whatever spelling the CA wrote it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from scm_api.core.names import Name, comparable
from scm_api.core.vocabulary import NameKind

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TABLE = "certificate_names"
_BATCH = 5_000
# Most names: they are in their only spelling already, which the database can tell as well.
_PLAIN = """
    UPDATE certificate_names SET comparable = value
     WHERE kind = 'dns' AND value ~ '^[a-z0-9*_.-]*[a-z0-9_-]$' AND value !~ '(^|[.])..--'
"""
_OTHERS = """
    SELECT certificate_id, kind, value FROM certificate_names WHERE comparable IS NULL LIMIT :batch
"""
_SET = """
    UPDATE certificate_names SET comparable = :comparable
     WHERE certificate_id = :certificate_id AND kind = :kind AND value = :value
"""


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("comparable", sa.String(512)))
    op.execute(_PLAIN)
    connection = op.get_bind()
    while rows := connection.execute(sa.text(_OTHERS), {"batch": _BATCH}).mappings().all():
        spelled = [
            {**row, "comparable": comparable(Name(NameKind(row["kind"]), row["value"]))[:512]}
            for row in rows
        ]
        connection.execute(sa.text(_SET), spelled)
    op.alter_column(_TABLE, "comparable", nullable=False)
    op.drop_index("ix_certificate_names_value_certificate_id", _TABLE)
    op.create_index(
        "ix_certificate_names_comparable_certificate_id", _TABLE, ["comparable", "certificate_id"]
    )


def downgrade() -> None:
    op.drop_index("ix_certificate_names_comparable_certificate_id", _TABLE)
    op.create_index(
        "ix_certificate_names_value_certificate_id", _TABLE, ["value", "certificate_id"]
    )
    op.drop_column(_TABLE, "comparable")
