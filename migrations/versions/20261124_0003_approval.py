"""Approval of enrollments and revocations, and settings of the account."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_PROFILE_SWITCHES = ("requires_approval", "revocation_requires_approval")


def _switch(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def upgrade() -> None:
    op.create_table(
        "account_settings",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        _switch("mrao_may_approve_own_requests"),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_account_settings_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_settings")),
    )
    op.execute("INSERT INTO account_settings (id) VALUES (1)")
    for name in _PROFILE_SWITCHES:
        op.add_column("certificate_profiles", _switch(name))
    op.add_column("enrollments", _time("approval_expires_at"))
    op.add_column("enrollments", sa.Column("approval_digest", sa.String(length=64), nullable=True))
    op.add_column("enrollments", _switch("self_approved"))
    op.add_column("certificates", sa.Column("revocation_requester_id", sa.Uuid(), nullable=True))
    op.add_column("certificates", _time("revocation_expires_at"))
    op.add_column("certificates", _switch("revocation_self_approved"))
    op.create_foreign_key(
        op.f("fk_certificates_revocation_requester_id"),
        "certificates",
        "admins",
        ["revocation_requester_id"],
        ["id"],
        ondelete="RESTRICT",
    )
    op.create_index(
        "ix_certificates_revocation_expires_at",
        "certificates",
        ["revocation_expires_at"],
        postgresql_where="revocation_expires_at IS NOT NULL",
    )


def downgrade() -> None:
    op.drop_index(
        "ix_certificates_revocation_expires_at",
        table_name="certificates",
        postgresql_where="revocation_expires_at IS NOT NULL",
    )
    op.drop_constraint(op.f("fk_certificates_revocation_requester_id"), "certificates")
    for name in (
        "revocation_self_approved",
        "revocation_expires_at",
        "revocation_requester_id",
    ):
        op.drop_column("certificates", name)
    for name in ("self_approved", "approval_digest", "approval_expires_at"):
        op.drop_column("enrollments", name)
    for name in _PROFILE_SWITCHES:
        op.drop_column("certificate_profiles", name)
        # The code before refuses rules with a field it does not know.
        op.execute(f"UPDATE certificate_profile_versions SET rules = rules - '{name}'")  # noqa: S608
    op.drop_table("account_settings")
