"""Whose secrets sealed bytes are, spelled the same by everybody who seals or opens them."""

from uuid import UUID


def secrets_owner(local_ca_backend_id: UUID) -> str:
    """The identity a local CA backend's secrets are sealed for."""
    return f"local_ca_backends/{local_ca_backend_id}"


def answer_owner(principal_id: UUID, key: str | None) -> str:
    """The identity an answer is sealed for that is kept for a principal's Idempotency-Key."""
    return f"idempotency_records/{principal_id}/{key}"
