"""Reasons for revoking that Entrust knows."""

from collections.abc import Mapping
from typing import Final

from scm_api.core.vocabulary import RevocationReason

REVOCATION_REASONS: Final[Mapping[RevocationReason, str]] = {
    RevocationReason.UNSPECIFIED: "unspecified",
    RevocationReason.KEY_COMPROMISE: "keyCompromise",
    RevocationReason.AFFILIATION_CHANGED: "affiliationChanged",
    RevocationReason.SUPERSEDED: "superseded",
    RevocationReason.CESSATION_OF_OPERATION: "cessationOfOperation",
}
