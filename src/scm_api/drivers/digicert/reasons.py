"""Those of RFC 5280's reasons for revoking that CertCentral knows (revoke certificate)."""

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
