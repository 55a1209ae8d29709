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
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

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

    def __init__(
        self, http: httpx.AsyncClient, organization_id: str, certificate_profile_id: str
    ) -> None:
        self.http = http
        self.log = ClientLog()
        self._for = {
            "organization_id": organization_id,
            "certificate_profile_id": certificate_profile_id,
        }
        self._numbers = count(1)

    async def enroll(self, *names: str) -> UUID:
        """Have one enrollment accepted; repeats with the same key until somebody answers."""
        csr, spki_sha256 = _request(*(names or (f"host{next(self._numbers)}.example.com",)))
        body = self._for | {"csr": csr}
        headers = {"Idempotency-Key": str(uuid4())}
        while True:
            answer = await self._send("POST", "/enrollments", json=body, headers=headers)
            if answer is not None:
                break
            await asyncio.sleep(0.2)
        assert answer.status_code in (201, 202), answer.text
        content = answer.json()
        enrollment_id = UUID(content["id"])
        self._note(content)
        assert content["spki_sha256"] == spki_sha256
        self.log.keys[enrollment_id] = spki_sha256
        return enrollment_id

    async def enroll_many(self, number: int) -> list[UUID]:
        """So many enrollments, sent side by side."""
        return list(await asyncio.gather(*(self.enroll() for _ in range(number))))

    async def look(self, enrollment_id: UUID, wait: int = 0) -> dict[str, Any]:
        """The enrollment as the API shows it now, or once it rests, `wait` seconds at most."""
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        answer = await self._asked("GET", f"/enrollments/{enrollment_id}", headers=headers)
        content: dict[str, Any] = answer.json()
        self._note(content)
        return content

    async def retry(self, enrollment_id: UUID) -> None:
        """Decide that a parked enrollment is ordered anew."""
        answer = await self._asked("POST", f"/enrollments/{enrollment_id}/retry", json={})
        self.log.retried[enrollment_id] += 1
        self._note(answer.json())

    async def cancel(self, enrollment_id: UUID) -> None:
        """Take an enrollment back."""
        answer = await self._asked("POST", f"/enrollments/{enrollment_id}/cancel", json={})
        self.log.canceled.add(enrollment_id)
        self._note(answer.json())

    async def revoke(self, certificate_id: str, reason: str = "superseded") -> None:
        """Ask for the revocation of a certificate."""
        await self._asked("POST", f"/certificates/{certificate_id}/revoke", json={"reason": reason})

    async def certificate(self, certificate_id: str) -> dict[str, Any]:
        """A certificate as the API shows it."""
        content: dict[str, Any] = (await self._asked("GET", f"/certificates/{certificate_id}")).json()
        return content

    def _note(self, content: Mapping[str, Any]) -> None:
        self.log.told.append(
            Told(UUID(content["id"]), content["state"], content["certificate_id"])
        )

    async def _asked(self, method: str, path: str, **request: Any) -> httpx.Response:
        """An answer that is no refusal, however often it takes to get one."""
        while (answer := await self._send(method, path, **request)) is None:
            await asyncio.sleep(0.2)
        assert answer.is_success, answer.text
        return answer

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response | None:
        """The answer; None where none came, or only that the service is not there now."""
        try:
            answer = await self.http.request(method, path, **request)
        except httpx.TransportError:
            self.log.unanswered += 1
            return None
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            self.log.unanswered += 1
            return None
        return answer


def _request(*names: str) -> tuple[str, str]:
    """A CSR for these names in PEM, and the SHA-256 of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    csr = builder.add_extension(alternatives, critical=False).sign(key, hashes.SHA256())
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return csr.public_bytes(Encoding.PEM).decode(), sha256(spki).hexdigest()
