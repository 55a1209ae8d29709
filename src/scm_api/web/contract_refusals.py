"""What each operation refuses, by its `operation_id`: the codes and words of its examples."""

from typing import Any, Final

from scm_api.web import examples

_CA_BACKEND_USES: Final = ("ca_backend", examples.CA_BACKEND_ID, "aws-frankfurt")
_PROFILE_USES: Final = ("certificate_profile", examples.CERTIFICATE_PROFILE_ID, "web-servers")
_ENROLLMENT_USES: Final = ("enrollment", examples.ENROLLMENT_ID, examples.DNS_NAME)
_NOT_COVERED: Final = (
    "/csr",
    "name-not-allowed",
    "No domain of the organization covers 'www.bank.example.org'.",
    "*.demo.example.com, demo.example.com",
)

# 403, by operation: what only an MRAO may do, and what takes a privilege.
FOR_MRAOS: Final = {
    "adopt_enrollment": "adopt orders found at the CA",
    "create_ca_backend": "create CA backends",
    "update_ca_backend": "change CA backends",
    "delete_ca_backend": "delete CA backends",
    "check_ca_backend": "check CA backends",
    "create_connector": "create connectors",
    "update_connector": "change connectors",
    "delete_connector": "delete connectors",
    "create_local_ca_backend": "create local CA backends",
    "update_local_ca_backend": "change local CA backends",
    "delete_local_ca_backend": "delete local CA backends",
    "create_organization": "create organizations and departments",
    "create_department": "create organizations and departments",
    "update_organization": "change organizations and departments",
    "delete_organization": "delete organizations and departments",
    "add_domain": "add domains",
    "remove_domain": "remove domains",
    "delegate_domain": "delegate domains",
    "create_external_assignment": "assign external organizations",
    "update_external_assignment": "assign external organizations",
    "delete_external_assignment": "take external organizations away",
    "get_account_settings": "see the account's settings",
    "update_account_settings": "change the account's settings",
    "get_audit_head": "export the head of the audit",
}
BY_PRIVILEGE: Final = {
    "create_enrollment": ("enroll", "enroll"),
    "validate_enrollment": ("enroll", "enroll"),
    "retry_enrollment": ("enroll", "retry enrollments"),
    "cancel_enrollment": ("enroll", "cancel enrollments"),
    "renew_certificate": ("enroll", "renew certificates"),
    "create_bulk_renewal": ("enroll", "renew certificates"),
    "replace_certificate": ("revoke", "replace certificates"),
    "revoke_certificate": ("revoke", "revoke certificates"),
    "deactivate_certificate": ("revoke", "deactivate certificates"),
    "cancel_revocation": ("revoke", "cancel revocations"),
    "create_bulk_revocation": ("revoke", "revoke certificates"),
    "create_certificate_profile": ("manage_profiles", "create certificate profiles"),
    "update_certificate_profile": ("manage_profiles", "change certificate profiles"),
    "delete_certificate_profile": ("manage_profiles", "delete certificate profiles"),
    "list_issuing_cas": ("manage_profiles", "see what a CA offers"),
    "list_templates": ("manage_profiles", "see what a CA offers"),
    "list_products": ("manage_profiles", "see what a CA offers"),
    "list_external_organizations": ("manage_profiles", "see what a CA offers"),
    "create_admin": ("create_peers", "create admins"),
    "update_admin": ("create_peers", "change admins"),
    "delete_admin": ("create_peers", "delete admins"),
    "create_api_key": ("create_peers", "create API keys for other admins"),
    "revoke_api_key": ("create_peers", "revoke API keys of other admins"),
    "list_audit_events": ("read_audit", "read audit events"),
}
SELF_APPROVAL: Final = (
    "self-approval",
    "Another admin than the one who asked has to decide; you can take your own request back.",
)

# 409, by operation: code, words, and what still uses the thing.
_LIMIT: Final = (
    "limit-reached",
    "ada@example.com has 3 certificates of this profile that are valid or asked for; "
    "the limit is 3.",
)
_ISSUED: Final = (
    "An enrollment that is issued cannot become {}; possible now: nothing; it is final."
)
_NO_LIST: Final = "AWS Private CA has no list of {}."
CONFLICTS: Final[dict[str, tuple[Any, ...]]] = {
    "create_enrollment": _LIMIT,
    "validate_enrollment": _LIMIT,
    "approve_enrollment": ("wrong-state", _ISSUED.format("approve")),
    "decline_enrollment": ("wrong-state", _ISSUED.format("decline")),
    "retry_enrollment": ("wrong-state", _ISSUED.format("retry")),
    "adopt_enrollment": ("wrong-state", _ISSUED.format("adopt")),
    "cancel_enrollment": ("wrong-state", _ISSUED.format("cancel")),
    "get_enrollment_certificate": (
        "not-issued",
        "There is no certificate yet; the enrollment is pending_ca.",
    ),
    "get_renewal_info": (
        "certificate-quarantined",
        "A quarantined certificate is not renewed; enroll anew.",
    ),
    "download_certificate": (
        "certificate-quarantined",
        "This certificate is not what was asked for and is not handed out: "
        "The CA left out the name www.demo.example.com.",
    ),
    "renew_certificate": (
        "renew-not-allowed",
        "The certificate profile does not allow renewals.",
    ),
    "replace_certificate": (
        "wrong-state",
        f"It is being replaced already, by enrollment {examples.ENROLLMENT_ID}.",
    ),
    "revoke_certificate": (
        "not-supported",
        "This CA backend cannot revoke; it has to be done at the CA.",
    ),
    "deactivate_certificate": (
        "not-supported",
        "AWS Private CA counts no certificates in use here.",
    ),
    "approve_revocation": ("wrong-state", "No revocation waits for approval; it is done."),
    "decline_revocation": ("wrong-state", "No revocation waits for approval; it is done."),
    "cancel_revocation": ("wrong-state", "No revocation can be taken back; it is done."),
    "create_certificate_profile": ("name-taken", "Another certificate profile has this name."),
    "update_certificate_profile": ("name-taken", "Another certificate profile has this name."),
    "delete_certificate_profile": (
        "in-use",
        "Enrollments made by this profile are kept (1), so it stays readable too. "
        "Disable it instead: set enabled to false.",
        _ENROLLMENT_USES,
    ),
    "create_ca_backend": ("name-taken", "Another CA backend has this name."),
    "update_ca_backend": ("name-taken", "Another CA backend has this name."),
    "delete_ca_backend": (
        "in-use",
        "Certificate profiles refer to this CA backend, or certificates were asked for through "
        "it. Delete the profiles; a CA backend with enrollments is kept.",
        _PROFILE_USES,
    ),
    "list_issuing_cas": ("not-supported", "DigiCert CertCentral has no list of issuing CAs."),
    "list_templates": ("not-supported", "DigiCert CertCentral has no list of templates."),
    "list_products": ("not-supported", _NO_LIST.format("products")),
    "list_external_organizations": ("not-supported", _NO_LIST.format("external organizations")),
    "create_connector": ("name-taken", "Another connector has this name."),
    "update_connector": ("name-taken", "Another connector has this name."),
    "delete_connector": (
        "in-use",
        "The connector holds 1 local CA backends; delete them first.",
        ("local_ca_backend", examples.LOCAL_CA_BACKEND_ID, "aws-frankfurt"),
    ),
    "create_local_ca_backend": (
        "name-taken",
        "Another local CA backend of this connector has this name.",
    ),
    "update_local_ca_backend": (
        "name-taken",
        "Another local CA backend of this connector has this name.",
    ),
    "delete_local_ca_backend": (
        "in-use",
        "1 CA backends refer to this local CA backend; delete them first.",
        _CA_BACKEND_USES,
    ),
    "create_organization": (
        "name-taken",
        "Another organization, or department of the same organization, has this name.",
    ),
    "update_organization": (
        "name-taken",
        "Another organization, or department of the same organization, has this name.",
    ),
    "create_department": (
        "parent-is-department",
        "A department has no departments of its own; make it below the organization.",
    ),
    "delete_organization": (
        "in-use",
        "The organization is in use. Delete its departments and take it out of certificate "
        "profiles first; one that has enrollments or certificates is kept.",
        _PROFILE_USES,
    ),
    "add_domain": ("domain-already-owned", "The organization already owns this domain."),
    "remove_domain": (
        "in-use",
        "The domain is delegated. Take the delegations back first.",
        ("organization", examples.ORGANIZATION_ID, "Example Corp"),
    ),
    "create_external_assignment": (
        "assignment-exists",
        "It has an external organization of this CA backend already, by assignment "
        f"{examples.EXTERNAL_ASSIGNMENT_ID}. Change that one.",
    ),
    "update_external_assignment": (
        "external-organization-not-validated",
        "Umbra Works Ltd has no validation in force at the CA: ov is expired. "
        "Complete or renew it in the CA's portal.",
    ),
    "delete_external_assignment": (
        "in-use",
        "Enrollments are under way for this external organization (1). Wait until they are "
        "issued, or cancel them.",
        _ENROLLMENT_USES,
    ),
    "create_admin": ("email-taken", "Another admin has this e-mail address."),
    "update_admin": (
        "own-rights",
        "You would take rights from yourself and could not give them back. "
        "Have another admin do it.",
    ),
    "delete_admin": (
        "last-mrao",
        "This is the last active MRAO; nobody could administer the account any more.",
    ),
    "create_api_key": (
        "in-use",
        "Something this refers to was deleted, or something still refers to it.",
    ),
}

# 422, where the request is more than its fields: pointer, code, words, what is accepted.
FAULTS: Final[dict[str, tuple[str, str, str, str | None]]] = {
    "create_enrollment": _NOT_COVERED,
    "validate_enrollment": (
        "/organization_id",
        "reference-not-found",
        "There is no such organization.",
        "the id of an organization you may use",
    ),
    "renew_certificate": _NOT_COVERED,
    "replace_certificate": (
        "/csr",
        "key-reused",
        "This is the key of the certificate before; the certificate profile asks for a new one.",
        "a CSR with a new key",
    ),
    "revoke_certificate": (
        "/reason",
        "reason-not-supported",
        "The CA does not know the reason certificate_hold.",
        "cessation_of_operation, key_compromise, superseded, unspecified",
    ),
    "create_bulk_renewal": (
        "/certificate_ids/0",
        "reference-not-found",
        "There is no such certificate.",
        "the id of a certificate you may use",
    ),
    "create_bulk_revocation": (
        "/certificate_ids/0",
        "reference-not-found",
        "There is no such certificate.",
        "the id of a certificate you may use",
    ),
}
