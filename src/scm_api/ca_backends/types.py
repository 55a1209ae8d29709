"""The backend types of this service as data: what they can do and what they need."""

from datetime import timedelta
from functools import cache
from typing import Any

from scm_api.core.key_types import KEY_TYPES
from scm_api.core.vocabulary import BackendType, CertificateType, RevocationReason
from scm_api.drivers.base import Capabilities
from scm_api.drivers.kinds import BackendKind
from scm_api.drivers.registry import REGISTRY


@cache
def backend_types() -> list[dict[str, Any]]:
    """Every backend type, with JSON schemas of its options and secrets."""
    return [_described(REGISTRY[each]) for each in BackendType]


def _described(kind: BackendKind) -> dict[str, Any]:
    return {
        "type": kind.type,
        "title": kind.title,
        "capabilities": _capabilities(kind.capabilities),
        "connection_options": kind.connection_options.model_json_schema(),
        "secrets": kind.secrets.model_json_schema(),
        "profile_options": kind.profile_options.model_json_schema(),
        "order_options": kind.order_options and kind.order_options.model.model_json_schema(),
    }


def _capabilities(capabilities: Capabilities) -> dict[str, Any]:
    """In the order of the vocabulary, so that the answer never changes by itself."""
    return {
        "certificate_types": [
            each for each in CertificateType if each in capabilities.certificate_types
        ],
        "needs_external_organization": capabilities.needs_external_organization,
        "issuance": capabilities.issuance,
        "duplicate_guard": capabilities.duplicate_guard,
        "token_validity_seconds": _seconds(capabilities.token_validity),
        "can_revoke": capabilities.can_revoke,
        "revocation_reasons": [
            each for each in RevocationReason if each in capabilities.revocation_reasons
        ],
        "backdating_seconds": _seconds(capabilities.backdating),
        "key_types": [each for each in KEY_TYPES if each in capabilities.key_types],
        "lists_issuing_cas": capabilities.lists_issuing_cas,
        "lists_templates": capabilities.lists_templates,
        "lists_external_organizations": capabilities.lists_external_organizations,
        "lists_products": capabilities.lists_products,
        "can_deactivate": capabilities.can_deactivate,
        "checks_orders": capabilities.checks_orders,
        "reissue_revokes": capabilities.reissue_revokes,
        "can_cancel": capabilities.can_cancel,
        "chooses_term": capabilities.chooses_term,
    }


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else int(duration.total_seconds())
