"""A client of the API that writes down what it was told: the first of three records.

Each enrollment has a key pair of its own, so that the CA's ledger tells which one it is about.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from csrs import csr_for, new_key
from estate import Chain

_TRIES = 300
ENDED = frozenset({"issued", "rejected", "failed", "canceled", "declined"})


@dataclass(frozen=True, slots=True)
class Told:
    """What one answer said about an enrollment."""

    enrollment_id: UUID
    state: str
    certificate_id: str | None


@dataclass(slots=True)
class ClientLog:
    """Everything the client knows: promises, and what it decided itself.

    `keys` are the SHA-256 of the public keys by enrollment, `retried` counts a person's retries
    and `canceled` holds what a person took back; `unanswered` counts answers that never came.
    """

    told: list[Told] = field(default_factory=list)
    keys: dict[UUID, str] = field(default_factory=dict)
    retried: Counter[UUID] = field(default_factory=Counter)
    canceled: set[UUID] = field(default_factory=set)
    unanswered: int = 0


class Client:
    """Enrolls, looks, decides and revokes, and keeps the log."""

    def __init__(self, http: httpx.AsyncClient, chain: Chain, log: ClientLog | None = None) -> None:
        """Enrolls through the chain's profile; clients may share a log."""
        self.log = log or ClientLog()
        self._http = http
        self._for = {
            "organization_id": chain.organization["id"],
            "certificate_profile_id": chain.profile["id"],
        }
        self._numbers = count(1)

    async def enroll(self, *names: str) -> UUID:
        """Have one enrollment accepted; repeats with the same key until somebody answers."""
        key = new_key()
        csr = csr_for(*(names or (f"host{next(self._numbers)}.example.com",)), key=key)
        headers = {"Idempotency-Key": str(uuid4())}
        answer = await self._asked(
            "POST", "/enrollments", json=self._for | {"csr": csr}, headers=headers
        )
        content = answer.json()
        enrollment_id = UUID(content["id"])
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.log.keys[enrollment_id] = sha256(spki).hexdigest()
        self._note(content)
        return enrollment_id

    async def enroll_many(self, number: int) -> list[UUID]:
        """So many enrollments, sent side by side."""
        return list(await asyncio.gather(*(self.enroll() for _ in range(number))))

    async def look(self, enrollment_id: UUID) -> dict[str, Any]:
        """The enrollment as the API shows it now."""
        answer = await self._asked("GET", f"/enrollments/{enrollment_id}")
        content: dict[str, Any] = answer.json()
        self._note(content)
        return content

    async def retry(self, enrollment_id: UUID) -> None:
        """Decide that a parked enrollment is ordered anew."""
        answer = await self._asked("POST", f"/enrollments/{enrollment_id}/retry", json={})
        self.log.retried[enrollment_id] += 1
        self._note(answer.json())

    async def adopt(self, enrollment_id: UUID, ca_ref: str) -> None:
        """Decide that a parked enrollment's order is the one found at the CA."""
        path, found = f"/enrollments/{enrollment_id}/adopt", {"ca_ref": ca_ref}
        self._note((await self._asked("POST", path, json=found)).json())

    async def cancel(self, enrollment_id: UUID) -> None:
        """Take an enrollment back."""
        answer = await self._asked("POST", f"/enrollments/{enrollment_id}/cancel", json={})
        self.log.canceled.add(enrollment_id)
        self._note(answer.json())

    async def revoke(self, certificate_id: str, reason: str = "superseded") -> None:
        """Ask for the revocation of a certificate."""
        await self._asked("POST", f"/certificates/{certificate_id}/revoke", json={"reason": reason})

    def _note(self, content: Mapping[str, Any]) -> None:
        self.log.told.append(Told(UUID(content["id"]), content["state"], content["certificate_id"]))

    async def _asked(self, method: str, path: str, **request: Any) -> httpx.Response:
        """An answer that is no refusal, however often it takes to get one."""
        for _ in range(_TRIES):
            answer = await self._send(method, path, **request)
            if answer is not None:
                assert answer.is_success, answer.text
                return answer
            await asyncio.sleep(0.2)
        raise AssertionError(f"{method} {path} is not answered")

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response | None:
        """The answer; None where none came, or only that the service is not there now."""
        try:
            answer = await self._http.request(method, path, **request)
        except httpx.TransportError:
            self.log.unanswered += 1
            return None
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            self.log.unanswered += 1
            return None
        return answer
