"""What browsers demand of publicly trusted TLS certificates, by the date of issue.

Private CAs are exempt; whether a profile issues publicly trusted certificates is told by its
backend type. When a ballot or a root program changes a date, this is the only file to change.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from scm_api.core.csr import CsrFacts
from scm_api.core.errors import Fault

VALIDITY_SCHEDULE: Final = (
    (datetime(2029, 3, 15, tzinfo=UTC), 47),
    (datetime(2027, 3, 15, tzinfo=UTC), 100),
    (datetime(2026, 3, 15, tzinfo=UTC), 200),
)
"""Most days of life for certificates issued since that date, latest first.

Source: CA/Browser Forum TLS Baseline Requirements section 6.3.2, as changed by ballot SC-081v3
(in force since 2025-05-21). A day is 86,400 seconds, and one second more counts as a further day.
"""

MAX_DAYS_BEFORE: Final = 398
"""What the schedule says for certificates issued before its first date."""

CLIENT_AUTH_ENDS: Final = datetime(2027, 3, 15, tzinfo=UTC)
"""Since when a new TLS certificate may hold no extended key usage but serverAuth.

Source: Chrome Root Program Policy, version 1.8 of 2026-02-05. Versions 1.6 and 1.7 had said
2026-06-15 for these certificates, which is now the date for new subordinate CA certificates. A CA
may stop earlier; then its own refusal counts.
"""


def max_days_at(issued_at: datetime) -> int:
    """Most days a publicly trusted TLS certificate may live that is issued at this instant."""
    for since, days in VALIDITY_SCHEDULE:
        if issued_at >= since:
            return days
    return MAX_DAYS_BEFORE


def judge_public_usages(csr: CsrFacts, issued_at: datetime) -> Iterator[Fault]:
    """The fault of a CSR that asks a public CA for client authentication too late.

    Code: `extension-not-allowed`.
    """
    if issued_at < CLIENT_AUTH_ENDS:
        return
    for extension in csr.extensions:
        match extension.value:
            case x509.ExtendedKeyUsage() as usages if ExtendedKeyUsageOID.CLIENT_AUTH in usages:
                detail = (
                    "The CSR asks for client authentication, which publicly trusted TLS "
                    f"certificates may not hold since {CLIENT_AUTH_ENDS:%Y-%m-%d} "
                    "(Chrome Root Program Policy)."
                )
                accepted = "server authentication alone, or a profile of a private CA"
                yield Fault("/csr", "extension-not-allowed", detail, accepted)
