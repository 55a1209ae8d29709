"""Examples of answers about what is set up before anybody enrolls, by the name of their schema."""

from typing import Any, Final

from scm_api.web import examples

ISSUING_CA: Final = (
    "arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/"
    "5cb00000-0000-4000-8000-000000000003"
)
_BEFORE: Final = "2026-11-24T09:00:00Z"
_UNCHANGED: Final = {"created_at": _BEFORE, "updated_at": _BEFORE, "version": 1}
_VALIDATED: Final = {"type": "ov", "status": "active", "until": "2027-12-22T00:00:00Z"}

_CONNECTION: Final = {
    "backend_type": "aws",
    "region": "eu-central-1",
    "credentials": {"mode": "static_keys"},
    "endpoint_url": None,
    "connect_timeout_seconds": 3.0,
    "read_timeout_seconds": 6.0,
    "call_timeout_seconds": 8.0,
    "quotas": {
        "issue_per_second": 20.0,
        "get_per_second": 60.0,
        "describe_per_second": 16.0,
        "get_ca_certificate_per_second": 16.0,
        "list_per_second": 16.0,
        "revoke_per_second": 16.0,
    },
}
_DOMAIN_POLICY: Final = {
    "fqdn": True,
    "wildcard": False,
    "wildcard_depth": None,
    "public_domains": True,
    "internal_domains": True,
    "host_name": False,
    "underscores": False,
    "homographs": False,
    "allowed_domains": [],
    "denied_domains": [],
    "ip_address": False,
    "address_classes": ["public_ipv4", "private_ipv4", "public_ipv6", "private_ipv6"],
    "allowed_networks": [],
    "denied_networks": [],
    "email": False,
    "upn": False,
    "allowed_uris": [],
}
_PROFILE: Final = {
    "id": examples.CERTIFICATE_PROFILE_ID,
    "name": "web-servers",
    "ca_backend_id": examples.CA_BACKEND_ID,
    "backend_type": "aws",
    "certificate_type": "ssl",
    "description": "TLS servers of the web platform",
    "enabled": True,
    "term": {"allowed_days": [30, 90, 365], "default_days": 90},
    "key_types": ["ec-p256", "rsa-3072"],
    "domain_policy": _DOMAIN_POLICY,
    "allow_renew": True,
    "renew_with_same_key": False,
    "auto_renew": False,
    "max_valid_certificates": None,
    "auto_revoke": False,
    "server_side_keys": False,
    "rule": None,
    "requires_approval": False,
    "revocation_requires_approval": False,
    "options": {
        "backend_type": "aws",
        "private_ca": ISSUING_CA,
        "signature_algorithm": "SHA256WITHECDSA",
        "aws_template": "arn:aws:acm-pca:::template/EndEntityServerAuthCertificate/V1",
    },
    "organization_ids": [examples.ORGANIZATION_ID],
    **_UNCHANGED,
}
_ACTOR: Final = {
    "certificate_types": ["ssl", "client", "code_signing", "device"],
    "privileges": [
        "enroll",
        "approve",
        "revoke",
        "manage_profiles",
        "create_peers",
        "read_audit",
        "enroll_on_behalf",
    ],
}
_API_KEY: Final = {
    "id": examples.API_KEY_ID,
    "admin_id": examples.ADMIN_ID,
    "name": "deploy pipeline",
    "prefix": "scm_Zk3x9Q",
    "scope": None,
    "expires_at": None,
    "revoked_at": None,
    **_UNCHANGED,
}
_DOMAIN: Final = {"id": examples.DOMAIN_ID, "name": "*.demo.example.com"}

SETUP: Final[dict[str, dict[str, Any]]] = {
    "ConnectorOut": {
        "id": examples.CONNECTOR_ID,
        "name": "frankfurt",
        "kind": "embedded",
        "description": "CAs of the Frankfurt account",
        **_UNCHANGED,
    },
    "LocalCaBackendOut": {
        "id": examples.LOCAL_CA_BACKEND_ID,
        "connector_id": examples.CONNECTOR_ID,
        "name": "aws-frankfurt",
        "backend_type": "aws",
        "options": _CONNECTION,
        **_UNCHANGED,
    },
    "CaBackendOut": {
        "id": examples.CA_BACKEND_ID,
        "name": "aws-frankfurt",
        "description": "Private CAs of the web platform",
        "backend_type": "aws",
        "connector_id": examples.CONNECTOR_ID,
        "local_ca_backend_id": examples.LOCAL_CA_BACKEND_ID,
        "status": "available",
        "status_detail": "The CA answers and accepts the credentials.",
        "findings": [],
        "visible_cas": 3,
        "abilities": [],
        "checked_at": _BEFORE,
        **_UNCHANGED,
    },
    "IssuingCaOut": {
        "id": ISSUING_CA,
        "name": "Web Platform Issuing CA (5cb00000-0000-4000-8000-000000000003)",
        "status": "ACTIVE",
        "usable": True,
        "key_algorithm": "EC_prime256v1",
        "not_after": "2036-11-21T09:00:00Z",
        "facts": {"type": "SUBORDINATE", "usage_mode": "GENERAL_PURPOSE"},
        "certificate_pem": None,
    },
    "TemplateOut": {
        "id": "arn:aws:acm-pca:::template/EndEntityServerAuthCertificate/V1",
        "name": "EndEntityServerAuthCertificate",
        "usable": True,
        "allows": "Not a CA. Server authentication. Subject and names come from the CSR.",
        "facts": {"extended_key_usages": ["server_auth"], "extensions_from_csr": False},
    },
    "ProductOut": {
        "id": "ssl_basic",
        "name": "Basic OV",
        "validation_type": "ov",
        "terms_years": [1],
        "signature_hashes": ["sha256", "sha384"],
        "facts": {"type": "ssl_certificate"},
    },
    "ExternalOrganizationOut": {
        "id": "700123",
        "name": "Umbra Works Ltd",
        "address": "1 Test Quay, D02 XY12, Dublin, ie",
        "status": "active",
        "usable": True,
        "validations": [_VALIDATED],
    },
    "CertificateProfileOut": _PROFILE,
    "CertificateProfileDetail": _PROFILE
    | {"external_validations": None, "checked_against_ca": True, "ca_faults": []},
    "OrganizationOut": {
        "id": examples.ORGANIZATION_ID,
        "parent_id": None,
        "name": "Example Corp",
        "description": "Web platform",
        **_UNCHANGED,
    },
    "DomainOut": _DOMAIN
    | {
        "organization_id": examples.ORGANIZATION_ID,
        "delegations": [],
        "created_at": _BEFORE,
        "version": 1,
    },
    "DelegatedDomainOut": _DOMAIN | {"certificate_types": ["ssl"]},
    "ExternalAssignmentOut": {
        "id": examples.EXTERNAL_ASSIGNMENT_ID,
        "organization_id": examples.ORGANIZATION_ID,
        "ca_backend_id": examples.CA_BACKEND_ID,
        "external_organization_id": "700123",
        "name": "Umbra Works Ltd",
        "status": "active",
        "usable": True,
        "validations": [_VALIDATED],
        "checked_at": _BEFORE,
        **_UNCHANGED,
    },
    "AccountSettingsOut": {
        "mrao_may_approve_own_requests": False,
        "refuse_keys_in_use": True,
        "updated_at": _BEFORE,
        "version": 1,
    },
    "AdminOut": {
        "id": examples.ADMIN_ID,
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "role": "mrao",
        "organization_ids": [],
        **_ACTOR,
        "active": True,
        **_UNCHANGED,
    },
    "ApiKeyOut": _API_KEY,
    "ApiKeyCreated": _API_KEY | {"key": "scm_Zk3x9QmVr1w7c0Yh2uT5eKp8sLd4aBf6gNj_xRzOiEw"},
}
