"""Examples of answers, by the name of their schema: one certificate and all that led to it.

They are what the requests of `web.examples` would be answered with, by the ids used there.
"""

from typing import Any, Final

from scm_api.web import examples
from scm_api.web.setup_examples import ISSUING_CA, SETUP

_SERIAL_NUMBER: Final = "457566446e2ac8943f70fc6bdcdec967"
_SPKI_SHA256: Final = "3644bff0edbab5fc9ece01a3204cdc6ead93547fe636788ec4932857acfada93"
_NAMES: Final = [{"kind": "dns", "value": examples.DNS_NAME}]
_ASKED: Final = "2026-11-24T10:15:00Z"
_ISSUED: Final = "2026-11-24T10:15:02Z"
_LATER: Final = "2026-12-01T08:00:00Z"
_NOT_BEFORE: Final = "2026-11-24T09:15:01Z"
_NOT_AFTER: Final = "2027-02-22T10:15:01Z"
_ORDERED: Final[dict[str, Any]] = {
    "asked_days": 90,
    "asked_not_after": None,
    "ordered_days": 90,
    "ordered_not_after": None,
    "granted_days": None,
    "granted_not_after": None,
    "difference": [],
}
_GRANTED: Final = _ORDERED | {
    "granted_days": 90,
    "granted_not_after": _NOT_AFTER,
    "difference": [
        {
            "reason": "backdating",
            "detail": f"The certificate begins at {_NOT_BEFORE}, before it was issued.",
        }
    ],
}
_ACCEPTED: Final = {
    "id": examples.ENROLLMENT_ID,
    "organization_id": examples.ORGANIZATION_ID,
    "certificate_profile_id": examples.CERTIFICATE_PROFILE_ID,
    "profile_version": 1,
    "ca_backend_id": examples.CA_BACKEND_ID,
    "certificate_type": "ssl",
    "requester_id": examples.ADMIN_ID,
    "renews_certificate_id": None,
    "replace_reason": None,
    "bulk_renewal_id": None,
    "certificate_id": None,
    "external_organization_id": None,
    "spki_sha256": _SPKI_SHA256,
    "key_type": "ec-p256",
    "key_made": False,
    "common_name": examples.DNS_NAME,
    "names": _NAMES,
    "term_days": 90,
    "not_after": None,
    "term": _ORDERED,
    "comment": "web shop, ticket 4711",
    "order_options": None,
    "subject": None,
    "state": "approved",
    "reason_code": None,
    "reason": None,
    "cancel_requested_at": None,
    "approval_expires_at": None,
    "self_approved": False,
    "ca_ref": None,
    "waits_for": None,
    "next_step_at": _ASKED,
    "created_at": _ASKED,
    "updated_at": _ASKED,
    "version": 1,
}
_ENROLLMENT: Final = _ACCEPTED | {
    "certificate_id": examples.CERTIFICATE_ID,
    "term": _GRANTED,
    "state": "issued",
    "ca_ref": f"{ISSUING_CA}/certificate/{_SERIAL_NUMBER}",
    "next_step_at": None,
    "updated_at": _ISSUED,
    "version": 4,
}
_CERTIFICATE: Final = {
    "id": examples.CERTIFICATE_ID,
    "enrollment_id": examples.ENROLLMENT_ID,
    "organization_id": examples.ORGANIZATION_ID,
    "certificate_profile_id": examples.CERTIFICATE_PROFILE_ID,
    "ca_backend_id": examples.CA_BACKEND_ID,
    "certificate_type": "ssl",
    "status": "valid",
    "serial_number": _SERIAL_NUMBER,
    "issuer": "CN=Web Platform Issuing CA,O=Example Corp,C=DE",
    "subject": f"CN={examples.DNS_NAME}",
    "common_name": examples.DNS_NAME,
    "names": _NAMES,
    "not_before": _NOT_BEFORE,
    "not_after": _NOT_AFTER,
    "term": _GRANTED,
    "renewal_opens_at": "2027-01-23T09:55:01Z",
    "renewal_problem": None,
    "key_type": "ec-p256",
    "signature_algorithm": "ecdsa-with-sha256",
    "spki_sha256": _SPKI_SHA256,
    "key_blocked": False,
    "fingerprint_sha256": "efd83331b76698d57cb2a92761efc5ae39ac9c2b46ef1962f1fee21b4bb02cd6",
    "chain_complete": True,
    "notes": [],
    "quarantined": None,
    "revocation": None,
    "deactivated_at": None,
    "renews_certificate_id": None,
    "renewed_by_certificate_ids": [],
    "ca_ref": f"{ISSUING_CA}/certificate/{_SERIAL_NUMBER}",
    "created_at": _ISSUED,
    "version": 1,
}
_REVOCATION: Final = {
    "state": "requested",
    "reason": "superseded",
    "detail": None,
    "requested_at": _LATER,
    "requester_id": examples.ADMIN_ID,
    "approval_expires_at": None,
    "effective_at": None,
    "self_approved": False,
    "revoked_at": None,
}

ANSWERS: Final[dict[str, dict[str, Any]]] = SETUP | {
    "EnrollmentOut": _ENROLLMENT,
    "EnrollmentCreated": _ACCEPTED | {"private_key": None},
    "EnrollmentDetail": _ENROLLMENT
    | {
        "request": {
            "subject": f"CN={examples.DNS_NAME}",
            "names": _NAMES,
            "key_type": "ec-p256",
            "key_bits": 256,
            "spki_sha256": _SPKI_SHA256,
            "term_days": 90,
            "not_after": None,
            "profile_name": "web-servers",
            "profile_version": 1,
        },
        "difference": None,
        "history": [
            {
                "at": _ASKED,
                "what": "Asked for a certificate by version 1 of the profile",
                "by": "Ada Lovelace",
                "why": "web shop, ticket 4711",
            },
            {
                "at": _ISSUED,
                "what": f"Issued with serial number {_SERIAL_NUMBER}",
                "by": "the service",
                "why": None,
            },
        ],
    },
    "ValidationOut": {
        "valid": True,
        "ca_asked": False,
        "errors": [],
        "names": _NAMES,
        "key_type": "ec-p256",
        "term_days": 90,
        "not_after": None,
        "term": _ORDERED,
    },
    "CertificateOut": _CERTIFICATE,
    "RenewalInfoOut": {
        "suggested_window": {"start": "2027-01-23T09:55:01Z", "end": "2027-02-07T10:05:01Z"},
        "advice": "not_yet",
        "explanation": "It is too early to renew.",
        "renewed_by_certificate_ids": [],
    },
    "RenewalAccepted": {
        "enrollment_id": examples.ENROLLMENT_ID,
        "state": "approved",
        "version": 1,
        "certificate_id": None,
    },
    "BulkRenewalOut": {
        "id": examples.BULK_RENEWAL_ID,
        "comment": "the CA is about to end",
        "requester_id": examples.ADMIN_ID,
        "total": 100,
        "progress": {
            "pending_approval": 0,
            "approved": 3,
            "submitting": 2,
            "pending_ca": 0,
            "issued": 95,
            "declined": 0,
            "rejected": 0,
            "failed": 0,
            "canceled": 0,
            "parked": 0,
        },
        "finished": False,
        "created_at": _ASKED,
    },
    "BulkRevocationOut": {
        "id": examples.BULK_REVOCATION_ID,
        "reason": "cessation_of_operation",
        "comment": "the data center is closed",
        "requester_id": examples.ADMIN_ID,
        "total": 500,
        "progress": {
            "pending_approval": 0,
            "scheduled": 0,
            "requested": 12,
            "pending_ca": 0,
            "done": 488,
            "refused": 0,
            "declined": 0,
            "canceled": 0,
            "expired": 0,
        },
        "finished": False,
        "created_at": _ASKED,
    },
    "AuditEventOut": {
        "number": 74,
        "at": _ISSUED,
        "action": "enrollment.issued",
        "subject_kind": "enrollment",
        "subject_id": examples.ENROLLMENT_ID,
        "organization_id": examples.ORGANIZATION_ID,
        "principal_id": None,
        "principal_name": None,
        "api_key_id": None,
        "request_id": None,
        "details": {
            "certificate_id": examples.CERTIFICATE_ID,
            "serial_number": _SERIAL_NUMBER,
        },
    },
    "AuditHeadOut": {
        "seal": 7,
        "number": 74,
        "digest": "5f0b3c9d7e1a4f62886d0c3e9a7b5d1f4c2e8a6091b3d5f7e9c1a3b5d7f90a2c",
        "at": _ISSUED,
    },
}


def _revocation(**members: Any) -> dict[str, Any]:
    status = "revoked" if members.get("state") == "done" else "valid"
    return _CERTIFICATE | {"status": status, "revocation": _REVOCATION | members, "version": 2}


def _decided(state: str, **members: Any) -> dict[str, Any]:
    return _ACCEPTED | {"state": state, "updated_at": _LATER, "version": 2} | members


_FOLLOWED: Final = {
    "enrollment_id": examples.ENROLLMENT_ID,
    "state": "issued",
    "version": 3,
    "certificate_id": examples.CERTIFICATE_ID,
}

BY_OPERATION: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("create_enrollment", "201"): _ENROLLMENT | {"private_key": None},
    ("approve_enrollment", "200"): _decided("approved"),
    ("decline_enrollment", "200"): _decided(
        "declined",
        reason_code="declined",
        reason="the web shop is switched off next month",
        next_step_at=None,
    ),
    ("retry_enrollment", "200"): _decided("approved", version=5),
    ("retry_enrollment", "202"): _decided(
        "pending_approval", approval_expires_at="2026-12-08T08:00:00Z", version=5
    ),
    ("adopt_enrollment", "200"): _decided("pending_ca", ca_ref="4711", version=5),
    ("cancel_enrollment", "200"): _decided("canceled", next_step_at=None),
    ("cancel_enrollment", "202"): _decided("pending_ca", cancel_requested_at=_LATER, version=4),
    ("renew_certificate", "201"): _FOLLOWED,
    ("replace_certificate", "201"): _FOLLOWED,
    ("revoke_certificate", "200"): _revocation(state="done", revoked_at=_LATER),
    ("revoke_certificate", "202"): _revocation(),
    ("approve_revocation", "202"): _revocation(),
    ("decline_revocation", "200"): _revocation(state="declined", detail="the server still runs"),
    ("cancel_revocation", "200"): _revocation(state="canceled", detail="the server is gone"),
}
"""Answers that differ from the example of their schema: what an operation just did."""
