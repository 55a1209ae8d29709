"""What was asked and granted of a certificate's life, and when it should be renewed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# What an earlier release left to the profile's default is not known any more: it counts as asked.
_ENROLLMENTS = """
UPDATE enrollments SET term = jsonb_build_object(
    'asked_days', CASE WHEN not_after IS NULL THEN term_days END,
    'asked_not_after', to_char(not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'ordered_days', term_days,
    'ordered_not_after', to_char(not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'granted_days', NULL,
    'granted_not_after', NULL,
    'difference', '[]'::jsonb
)
"""
_CERTIFICATES = """
UPDATE certificates SET
    term = enrollments.term || jsonb_build_object(
        'granted_days',
        ceil(extract(epoch FROM certificates.not_after - certificates.created_at) / 86400)::int,
        'granted_not_after',
        to_char(certificates.not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    ),
    renewal_opens_at = certificates.not_after
        - (certificates.not_after - certificates.not_before)
        / CASE WHEN certificates.not_after - certificates.not_before < interval '10 days'
               THEN 2 ELSE 3 END
FROM enrollments WHERE enrollments.id = certificates.enrollment_id
"""


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.add_column("enrollments", sa.Column("term", postgresql.JSONB()))
    op.add_column("certificates", sa.Column("term", postgresql.JSONB()))
    op.add_column("certificates", sa.Column("renewal_opens_at", instant))
    op.execute(_ENROLLMENTS)
    op.execute(_CERTIFICATES)
    op.alter_column("enrollments", "term", nullable=False)
    op.alter_column("certificates", "term", nullable=False)
    op.alter_column("certificates", "renewal_opens_at", nullable=False)
    op.create_index(
        op.f("ix_certificates_renewal_opens_at_id"), "certificates", ["renewal_opens_at", "id"]
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_certificates_renewal_opens_at_id"), table_name="certificates")
    op.drop_column("certificates", "renewal_opens_at")
    op.drop_column("certificates", "term")
    op.drop_column("enrollments", "term")
