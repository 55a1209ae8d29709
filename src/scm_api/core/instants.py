"""Instants in sentences, spelled as answers spell them."""

from datetime import UTC, datetime


def rfc_3339(instant: datetime) -> str:
    """In UTC to the second, as in 2030-01-31T12:00:00Z."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
