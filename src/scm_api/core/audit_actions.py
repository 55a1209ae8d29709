"""What audit events tell of: `<noun>.<verb>`, and the kinds of things it happens to."""

from collections.abc import Mapping
from typing import Final

from scm_api.core.lifecycle import Move

_EDITED: Final = ("created", "updated", "deleted")
_VERBS: Final[Mapping[str, tuple[str, ...]]] = {
    "account_settings": ("updated",),
    "admin": _EDITED,
    "api_key": ("created", "revoked"),
    "bulk_renewal": ("created",),
    "bulk_revocation": ("created",),
    "ca_backend": (*_EDITED, "status_changed"),
    "certificate": (
        "revocation_requested",
        "revocation_approved",
        "revocation_declined",
        "revocation_canceled",
        "revocation_expired",
        "revocation_accepted_by_ca",
        "revocation_refused",
        "revoked",
        "key_blocked",
        "renewal_refused",
        "deactivation_requested",
        "deactivated",
    ),
    "certificate_profile": _EDITED,
    "connector": _EDITED,
    "enrollment": ("created", *Move, "cancel_requested", "cancel_refused"),
    "external_assignment": ("created", "changed", "deleted", "validated", "lapsed"),
    "local_ca_backend": (*_EDITED, "resealed"),
    "organization": (
        *_EDITED,
        "domain_added",
        "domain_removed",
        "domain_delegated",
        "domain_delegation_changed",
    ),
}

ACTIONS: Final = tuple(f"{noun}.{verb}" for noun, verbs in _VERBS.items() for verb in verbs)
# Account settings are the account's.
SUBJECT_KINDS: Final = tuple("account" if noun == "account_settings" else noun for noun in _VERBS)
