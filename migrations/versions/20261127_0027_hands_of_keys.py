"""Through whose hands API keys came: nobody both asks and approves by keys they handed out."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_COLUMNS = (
    ("api_keys", "known_to"),
    ("enrollments", "requester_known_to"),
    ("certificates", "revocation_requester_known_to"),
)

# Who made each key, who made the key it was made with, and so on.
_KEYS = """
    WITH RECURSIVE made AS (
        SELECT subject_id AS key_id, principal_id, api_key_id
          FROM audit_events
         WHERE action = 'api_key.created' AND principal_id IS NOT NULL
    ), hands AS (
        SELECT * FROM made
         UNION
        SELECT hands.key_id, made.principal_id, made.api_key_id
          FROM hands JOIN made ON made.key_id = hands.api_key_id
    )
    UPDATE api_keys AS k
       SET known_to = h.known_to
      FROM (SELECT hands.key_id, array_agg(DISTINCT hands.principal_id) AS known_to
              FROM hands JOIN api_keys ON api_keys.id = hands.key_id
             WHERE hands.principal_id <> api_keys.admin_id
             GROUP BY hands.key_id) AS h
     WHERE k.id = h.key_id
"""
_ENROLLMENTS = """
    UPDATE enrollments AS e
       SET requester_known_to = k.known_to
      FROM audit_events AS a JOIN api_keys AS k ON k.id = a.api_key_id
     WHERE a.action = 'enrollment.created' AND a.subject_id = e.id AND k.known_to <> '{}'
"""
# The last one who asked counts.
_REVOCATIONS = """
    UPDATE certificates AS c
       SET revocation_requester_known_to = k.known_to
      FROM (SELECT DISTINCT ON (subject_id) subject_id, api_key_id
              FROM audit_events
             WHERE action = 'certificate.revocation_requested'
             ORDER BY subject_id, number DESC) AS a
      JOIN api_keys AS k ON k.id = a.api_key_id
     WHERE a.subject_id = c.id AND k.known_to <> '{}'
"""


def upgrade() -> None:
    for table, name in _COLUMNS:
        op.add_column(
            table,
            sa.Column(name, postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        )
    for statement in (_KEYS, _ENROLLMENTS, _REVOCATIONS):
        op.execute(statement)


def downgrade() -> None:
    for table, name in reversed(_COLUMNS):
        op.drop_column(table, name)
