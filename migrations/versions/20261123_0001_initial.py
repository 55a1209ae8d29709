"""Everything the first release stores, with the tables of the job engine."""

from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


_ENGINE = Path(__file__).parents[1] / "sql" / "pgqueuer_1_6_0.sql"
_APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events are never changed or deleted' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def _run_script(script: str) -> None:
    """Several statements at once, which prepared statements cannot do."""
    connection = op.get_bind().connection.dbapi_connection
    connection.run_async(lambda driver: driver.execute(script))


def upgrade() -> None:
    op.create_table(
        "admins",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admins")),
        sa.UniqueConstraint("email", name=op.f("uq_admins_email")),
    )
    op.create_table(
        "audit_events",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject_kind", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("principal_id", sa.Uuid(), nullable=True),
        sa.Column("principal_name", sa.String(length=128), nullable=True),
        sa.Column("api_key_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_events")),
    )
    op.create_index(
        op.f("ix_audit_events_action_number"), "audit_events", ["action", "number"], unique=False
    )
    op.create_index(
        op.f("ix_audit_events_organization_id_number"),
        "audit_events",
        ["organization_id", "number"],
        unique=False,
    )
    op.create_index(
        op.f("ix_audit_events_subject_id_number"),
        "audit_events",
        ["subject_id", "number"],
        unique=False,
    )
    op.create_table(
        "blocked_keys",
        sa.Column("spki_sha256", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=256), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("spki_sha256", name=op.f("pk_blocked_keys")),
    )
    op.create_table(
        "connectors",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("description", sa.String(length=1024), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connectors")),
        sa.UniqueConstraint("name", name=op.f("uq_connectors_name")),
    )
    op.create_table(
        "idempotency_records",
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("principal_id", "key", name=op.f("pk_idempotency_records")),
    )
    op.create_index(
        op.f("ix_idempotency_records_created_at"),
        "idempotency_records",
        ["created_at"],
        unique=False,
    )
    op.create_table(
        "organizations",
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("description", sa.String(length=1024), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["organizations.id"],
            name=op.f("fk_organizations_parent_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sa.UniqueConstraint(
            "parent_id",
            "name",
            name=op.f("uq_organizations_parent_id_name"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        op.f("ix_organizations_parent_id"), "organizations", ["parent_id"], unique=False
    )
    op.create_table(
        "rate_limits",
        sa.Column("key", sa.String(length=256), nullable=False),
        sa.Column("slot_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate_limits")),
    )
    op.create_table(
        "api_keys",
        sa.Column("admin_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["admins.id"], name=op.f("fk_api_keys_admin_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
    )
    op.create_index(op.f("ix_api_keys_admin_id"), "api_keys", ["admin_id"], unique=False)
    op.create_table(
        "local_ca_backends",
        sa.Column("connector_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("backend_type", sa.String(length=16), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sealed_secrets", sa.LargeBinary(), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connectors.id"],
            name=op.f("fk_local_ca_backends_connector_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_local_ca_backends")),
        sa.UniqueConstraint(
            "connector_id", "name", name=op.f("uq_local_ca_backends_connector_id_name")
        ),
    )
    op.create_table(
        "organization_domains",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_organization_domains_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization_domains")),
        sa.UniqueConstraint(
            "organization_id", "name", name=op.f("uq_organization_domains_organization_id_name")
        ),
    )
    op.create_index(
        op.f("ix_organization_domains_name"), "organization_domains", ["name"], unique=False
    )
    op.create_table(
        "ca_backends",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("backend_type", sa.String(length=16), nullable=False),
        sa.Column("local_ca_backend_id", sa.Uuid(), nullable=False),
        sa.Column("description", sa.String(length=1024), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["local_ca_backend_id"],
            ["local_ca_backends.id"],
            name=op.f("fk_ca_backends_local_ca_backend_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ca_backends")),
        sa.UniqueConstraint("name", name=op.f("uq_ca_backends_name")),
    )
    op.create_index(
        op.f("ix_ca_backends_local_ca_backend_id"),
        "ca_backends",
        ["local_ca_backend_id"],
        unique=False,
    )
    op.create_table(
        "ca_backend_health",
        sa.Column("ca_backend_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("private_cas", sa.Integer(), nullable=True),
        sa.Column("local_version", sa.Integer(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["ca_backend_id"],
            ["ca_backends.id"],
            name=op.f("fk_ca_backend_health_ca_backend_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ca_backend_id", name=op.f("pk_ca_backend_health")),
    )
    op.create_table(
        "ca_choices",
        sa.Column("ca_backend_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["ca_backend_id"],
            ["ca_backends.id"],
            name=op.f("fk_ca_choices_ca_backend_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ca_backend_id", "kind", name=op.f("pk_ca_choices")),
    )
    op.create_table(
        "certificate_profiles",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("ca_backend_id", sa.Uuid(), nullable=False),
        sa.Column("backend_type", sa.String(length=16), nullable=False),
        sa.Column("certificate_type", sa.String(length=16), nullable=False),
        sa.Column("description", sa.String(length=1024), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("term", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("key_types", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("domain_policy", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("allow_renew", sa.Boolean(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["ca_backend_id"],
            ["ca_backends.id"],
            name=op.f("fk_certificate_profiles_ca_backend_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate_profiles")),
        sa.UniqueConstraint("name", name=op.f("uq_certificate_profiles_name")),
    )
    op.create_index(
        op.f("ix_certificate_profiles_ca_backend_id"),
        "certificate_profiles",
        ["ca_backend_id"],
        unique=False,
    )
    op.create_table(
        "certificate_profile_delegations",
        sa.Column("certificate_profile_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["certificate_profile_id"],
            ["certificate_profiles.id"],
            name=op.f("fk_certificate_profile_delegations_certificate_profile_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_certificate_profile_delegations_organization_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint(
            "certificate_profile_id",
            "organization_id",
            name=op.f("pk_certificate_profile_delegations"),
        ),
    )
    op.create_index(
        op.f("ix_certificate_profile_delegations_organization_id"),
        "certificate_profile_delegations",
        ["organization_id"],
        unique=False,
    )
    op.create_table(
        "certificate_profile_versions",
        sa.Column("certificate_profile_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["certificate_profile_id"],
            ["certificate_profiles.id"],
            name=op.f("fk_certificate_profile_versions_certificate_profile_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "certificate_profile_id", "version", name=op.f("pk_certificate_profile_versions")
        ),
    )
    op.create_table(
        "enrollments",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("certificate_profile_id", sa.Uuid(), nullable=False),
        sa.Column("profile_version", sa.Integer(), nullable=False),
        sa.Column("ca_backend_id", sa.Uuid(), nullable=False),
        sa.Column("certificate_type", sa.String(length=16), nullable=False),
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("renews_certificate_id", sa.Uuid(), nullable=True),
        sa.Column("csr_der", sa.LargeBinary(), nullable=False),
        sa.Column("spki_sha256", sa.String(length=64), nullable=False),
        sa.Column("key_type", sa.String(length=32), nullable=False),
        sa.Column("common_name", sa.String(length=255), nullable=True),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("term_days", sa.Integer(), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("comment", sa.String(length=1024), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("reason_code", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_generation", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("steps", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["ca_backend_id"],
            ["ca_backends.id"],
            name=op.f("fk_enrollments_ca_backend_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["certificate_profile_id", "profile_version"],
            [
                "certificate_profile_versions.certificate_profile_id",
                "certificate_profile_versions.version",
            ],
            name=op.f("fk_enrollments_certificate_profile_id_profile_version"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["certificate_profile_id"],
            ["certificate_profiles.id"],
            name=op.f("fk_enrollments_certificate_profile_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_enrollments_organization_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["renews_certificate_id"],
            ["certificates.id"],
            name=op.f("fk_enrollments_renews_certificate_id"),
            ondelete="RESTRICT",
            use_alter=True,
        ),
        sa.ForeignKeyConstraint(
            ["requester_id"],
            ["admins.id"],
            name=op.f("fk_enrollments_requester_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollments")),
    )
    op.create_index(
        op.f("ix_enrollments_ca_backend_id"), "enrollments", ["ca_backend_id"], unique=False
    )
    op.create_index(
        op.f("ix_enrollments_certificate_profile_id_id"),
        "enrollments",
        ["certificate_profile_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_enrollments_due_at",
        "enrollments",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.create_index(
        op.f("ix_enrollments_organization_id_id"),
        "enrollments",
        ["organization_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_enrollments_renews_certificate_id"),
        "enrollments",
        ["renews_certificate_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_enrollments_spki_sha256"), "enrollments", ["spki_sha256"], unique=False
    )
    op.create_index(op.f("ix_enrollments_state_id"), "enrollments", ["state", "id"], unique=False)
    op.create_table(
        "certificates",
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("certificate_profile_id", sa.Uuid(), nullable=False),
        sa.Column("ca_backend_id", sa.Uuid(), nullable=False),
        sa.Column("certificate_type", sa.String(length=16), nullable=False),
        sa.Column("renews_certificate_id", sa.Uuid(), nullable=True),
        sa.Column("ca_ref", sa.String(length=512), nullable=False),
        sa.Column("serial_number", sa.String(length=48), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("common_name", sa.String(length=255), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_type", sa.String(length=32), nullable=False),
        sa.Column("signature_algorithm", sa.String(length=64), nullable=False),
        sa.Column("spki_sha256", sa.String(length=64), nullable=False),
        sa.Column("fingerprint_sha256", sa.String(length=64), nullable=False),
        sa.Column("chain_complete", sa.Boolean(), nullable=False),
        sa.Column("notes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "quarantined", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("revocation_state", sa.String(length=16), nullable=True),
        sa.Column("revocation_reason", sa.String(length=32), nullable=True),
        sa.Column("revocation_detail", sa.Text(), nullable=True),
        sa.Column("revocation_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["ca_backend_id"],
            ["ca_backends.id"],
            name=op.f("fk_certificates_ca_backend_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["certificate_profile_id"],
            ["certificate_profiles.id"],
            name=op.f("fk_certificates_certificate_profile_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["enrollment_id"],
            ["enrollments.id"],
            name=op.f("fk_certificates_enrollment_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_certificates_organization_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["renews_certificate_id"],
            ["certificates.id"],
            name=op.f("fk_certificates_renews_certificate_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificates")),
        sa.UniqueConstraint(
            "ca_backend_id", "ca_ref", name=op.f("uq_certificates_ca_backend_id_ca_ref")
        ),
        sa.UniqueConstraint(
            "ca_backend_id",
            "issuer",
            "serial_number",
            name=op.f("uq_certificates_ca_backend_id_issuer_serial_number"),
        ),
        sa.UniqueConstraint("enrollment_id", name=op.f("uq_certificates_enrollment_id")),
    )
    op.create_index(
        op.f("ix_certificates_certificate_profile_id"),
        "certificates",
        ["certificate_profile_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_certificates_fingerprint_sha256"),
        "certificates",
        ["fingerprint_sha256"],
        unique=False,
    )
    op.create_index(
        op.f("ix_certificates_not_after_id"), "certificates", ["not_after", "id"], unique=False
    )
    op.create_index(
        op.f("ix_certificates_organization_id_id"),
        "certificates",
        ["organization_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_certificates_renews_certificate_id"),
        "certificates",
        ["renews_certificate_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_certificates_serial_number"), "certificates", ["serial_number"], unique=False
    )
    op.create_index(
        op.f("ix_certificates_spki_sha256"), "certificates", ["spki_sha256"], unique=False
    )
    op.create_table(
        "enrollment_attempts",
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ca_backend_id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.String(length=36), nullable=False),
        sa.Column("first_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("untraced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ca_ref", sa.String(length=512), nullable=True),
        sa.Column("waits_for", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(
            ["ca_backend_id"],
            ["ca_backends.id"],
            name=op.f("fk_enrollment_attempts_ca_backend_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["enrollment_id"],
            ["enrollments.id"],
            name=op.f("fk_enrollment_attempts_enrollment_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("enrollment_id", "number", name=op.f("pk_enrollment_attempts")),
        sa.UniqueConstraint(
            "ca_backend_id", "ca_ref", name=op.f("uq_enrollment_attempts_ca_backend_id_ca_ref")
        ),
        sa.UniqueConstraint("token", name=op.f("uq_enrollment_attempts_token")),
    )
    op.create_index(
        "uq_enrollment_attempts_live",
        "enrollment_attempts",
        ["enrollment_id"],
        unique=True,
        postgresql_where="ended_at IS NULL",
    )
    op.create_table(
        "certificate_names",
        sa.Column("certificate_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=512), nullable=False),
        sa.ForeignKeyConstraint(
            ["certificate_id"],
            ["certificates.id"],
            name=op.f("fk_certificate_names_certificate_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "certificate_id", "kind", "value", name=op.f("pk_certificate_names")
        ),
    )
    op.create_index(
        op.f("ix_certificate_names_value_certificate_id"),
        "certificate_names",
        ["value", "certificate_id"],
        unique=False,
    )
    op.create_table(
        "certificate_texts",
        sa.Column("certificate_id", sa.Uuid(), nullable=False),
        sa.Column("leaf_der", sa.LargeBinary(), nullable=False),
        sa.Column("chain_ders", postgresql.ARRAY(sa.LargeBinary()), nullable=False),
        sa.ForeignKeyConstraint(
            ["certificate_id"],
            ["certificates.id"],
            name=op.f("fk_certificate_texts_certificate_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("certificate_id", name=op.f("pk_certificate_texts")),
    )
    # Enrollments and certificates refer to each other, so one reference comes afterwards.
    op.create_foreign_key(
        op.f("fk_enrollments_renews_certificate_id"),
        "enrollments",
        "certificates",
        ["renews_certificate_id"],
        ["id"],
        ondelete="RESTRICT",
    )
    _run_script(_ENGINE.read_text())
    _run_script(_APPEND_ONLY)


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_events_append_only ON audit_events")
    op.execute("DROP FUNCTION refuse_change")
    for table in ("pgqueuer", "pgqueuer_log", "pgqueuer_schedules", "pgqueuer_statistics"):
        op.drop_table(table)
    op.execute("DROP FUNCTION fn_pgqueuer_changed")
    op.execute("DROP TYPE pgqueuer_status")
    op.drop_constraint(op.f("fk_enrollments_renews_certificate_id"), "enrollments")
    op.drop_table("certificate_texts")
    op.drop_index(op.f("ix_certificate_names_value_certificate_id"), table_name="certificate_names")
    op.drop_table("certificate_names")
    op.drop_index(
        "uq_enrollment_attempts_live",
        table_name="enrollment_attempts",
        postgresql_where="ended_at IS NULL",
    )
    op.drop_table("enrollment_attempts")
    op.drop_index(op.f("ix_certificates_spki_sha256"), table_name="certificates")
    op.drop_index(op.f("ix_certificates_serial_number"), table_name="certificates")
    op.drop_index(op.f("ix_certificates_renews_certificate_id"), table_name="certificates")
    op.drop_index(op.f("ix_certificates_organization_id_id"), table_name="certificates")
    op.drop_index(op.f("ix_certificates_not_after_id"), table_name="certificates")
    op.drop_index(op.f("ix_certificates_fingerprint_sha256"), table_name="certificates")
    op.drop_index(op.f("ix_certificates_certificate_profile_id"), table_name="certificates")
    op.drop_table("certificates")
    op.drop_index(op.f("ix_enrollments_state_id"), table_name="enrollments")
    op.drop_index(op.f("ix_enrollments_spki_sha256"), table_name="enrollments")
    op.drop_index(op.f("ix_enrollments_renews_certificate_id"), table_name="enrollments")
    op.drop_index(op.f("ix_enrollments_organization_id_id"), table_name="enrollments")
    op.drop_index(
        "ix_enrollments_due_at", table_name="enrollments", postgresql_where="due_at IS NOT NULL"
    )
    op.drop_index(op.f("ix_enrollments_certificate_profile_id_id"), table_name="enrollments")
    op.drop_index(op.f("ix_enrollments_ca_backend_id"), table_name="enrollments")
    op.drop_table("enrollments")
    op.drop_table("certificate_profile_versions")
    op.drop_index(
        op.f("ix_certificate_profile_delegations_organization_id"),
        table_name="certificate_profile_delegations",
    )
    op.drop_table("certificate_profile_delegations")
    op.drop_index(op.f("ix_certificate_profiles_ca_backend_id"), table_name="certificate_profiles")
    op.drop_table("certificate_profiles")
    op.drop_table("ca_choices")
    op.drop_table("ca_backend_health")
    op.drop_index(op.f("ix_ca_backends_local_ca_backend_id"), table_name="ca_backends")
    op.drop_table("ca_backends")
    op.drop_index(op.f("ix_organization_domains_name"), table_name="organization_domains")
    op.drop_table("organization_domains")
    op.drop_table("local_ca_backends")
    op.drop_index(op.f("ix_api_keys_admin_id"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("rate_limits")
    op.drop_index(op.f("ix_organizations_parent_id"), table_name="organizations")
    op.drop_table("organizations")
    op.drop_index(op.f("ix_idempotency_records_created_at"), table_name="idempotency_records")
    op.drop_table("idempotency_records")
    op.drop_table("connectors")
    op.drop_table("blocked_keys")
    op.drop_index(op.f("ix_audit_events_subject_id_number"), table_name="audit_events")
    op.drop_index(op.f("ix_audit_events_organization_id_number"), table_name="audit_events")
    op.drop_index(op.f("ix_audit_events_action_number"), table_name="audit_events")
    op.drop_table("audit_events")
    op.drop_table("admins")
