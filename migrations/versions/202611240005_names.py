"""Domain policies say more: what stored ones mean is written out.

Revision ID: 202611240005
Revises: 20261123_0001
"""

from alembic import op

revision = "202611240005"
down_revision = "20261123_0001"
branch_labels = None
depends_on = None

_ADDED = """'{
    "email": false,
    "upn": false,
    "public_domains": true,
    "internal_domains": true,
    "underscores": false,
    "homographs": false,
    "wildcard_depth": null,
    "address_classes": ["public_ipv4", "private_ipv4", "public_ipv6", "private_ipv6"],
    "denied_domains": [],
    "denied_networks": [],
    "allowed_uris": []
}'::jsonb"""


def upgrade() -> None:
    """Kept versions of profiles stay as they were judged by: what they lack has these defaults."""
    op.execute(f"UPDATE certificate_profiles SET domain_policy = {_ADDED} || domain_policy")  # noqa: S608


def downgrade() -> None:
    """Take the fields away that the code before does not know."""
    op.execute(
        "UPDATE certificate_profiles SET domain_policy = domain_policy"  # noqa: S608
        f" - ARRAY(SELECT jsonb_object_keys({_ADDED}))"
    )
