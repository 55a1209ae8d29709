"""Instants in sentences, spelled as answers spell them, and how exact they are."""

from datetime import UTC, datetime, timedelta
from typing import Final

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far our clock and the CA's may be apart."""


def rfc_3339(instant: datetime) -> str:
    """In UTC to the second, as in 2030-01-31T12:00:00Z."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
