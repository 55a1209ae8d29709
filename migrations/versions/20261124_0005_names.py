"""Domain policies say more: what stored ones mean is written out."""

from collections.abc import Sequence

from alembic import op

revision: str = "0005"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


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
