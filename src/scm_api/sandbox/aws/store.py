"""What was issued: rebuilt from the ledger at start, so that the ledger is the only record."""

import hashlib
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from scm_api.sandbox.aws.authorities import pem
from scm_api.sandbox.ledger import JsonLines, instant

Kind = Literal["order", "certificate", "revocation"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Which request did something: the facts every ledger line carries."""

    operation: str
    request_id: str
    access_key_id: str
    principal: str


@dataclass(slots=True)
class IssuedCertificate:
    """One certificate. `fresh` is false for one that an earlier process issued."""

    arn: str
    authority_arn: str
    serial: int
    der: bytes
    issued_at: float
    template_arn: str
    self_signed: bool
    gets: int = 0
    delivered: bool = False
    fresh: bool = True
    revoked_at: float | None = None
    revocation_reason: str | None = None

    @property
    def pem(self) -> str:
        return pem(self.certificate)

    @property
    def certificate(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.der)


class Store:
    """Certificates by ARN and orders by idempotency token. Writes the ledger first."""

    def __init__(self, ledger: JsonLines) -> None:
        self._ledger = ledger
        self._certificates: dict[str, IssuedCertificate] = {}
        self._tokens: dict[tuple[str, str], tuple[float, str]] = {}
        self._counts: Counter[str] = Counter()
        for entry in ledger:
            self._replay(entry)

    def __iter__(self) -> Iterator[IssuedCertificate]:
        return reversed(self._certificates.values())

    def get(self, arn: str) -> IssuedCertificate | None:
        return self._certificates.get(arn)

    def count(self, authority_arn: str) -> int:
        return self._counts[authority_arn]

    def ordered(self, authority_arn: str, token: str, since: float) -> str | None:
        """ARN of the order placed with this token at or after `since`, if there is one."""
        placed = self._tokens.get((authority_arn, token))
        return placed[1] if placed and placed[0] >= since else None

    def add(
        self,
        issued: IssuedCertificate,
        certificate: x509.Certificate,
        origin: Origin,
        *,
        token: str | None,
        ordered_spki: bytes,
        mutation: str | None,
    ) -> None:
        """Record an order and its certificate. `ordered_spki` is the DER of the CSR's key.

        Raises OSError when the ledger cannot be written; then nothing was issued.
        """
        base = {
            "certificate_authority_arn": issued.authority_arn,
            "certificate_arn": issued.arn,
            "token": token,
            "serial": f"{issued.serial:032x}",
        }
        order = _line("order", issued.issued_at, origin) | base
        order["spki_sha256"] = hashlib.sha256(ordered_spki).hexdigest()
        written = _line("certificate", issued.issued_at, origin) | base
        written |= {
            "spki_sha256": hashlib.sha256(spki(certificate.public_key())).hexdigest(),
            "template_arn": issued.template_arn,
            "not_before": instant(certificate.not_valid_before_utc.timestamp()),
            "not_after": instant(certificate.not_valid_after_utc.timestamp()),
            "self_signed": issued.self_signed,
            "mutation": mutation,
            "der": b64encode(issued.der).decode(),
        }
        self._ledger.append(order, written)
        self._keep(issued, token)

    def revoke(self, issued: IssuedCertificate, reason: str, now: float, origin: Origin) -> None:
        """Record a revocation. Raises OSError when the ledger cannot be written."""
        entry = _line("revocation", now, origin) | {
            "certificate_authority_arn": issued.authority_arn,
            "certificate_arn": issued.arn,
            "token": None,
            "serial": f"{issued.serial:032x}",
            "spki_sha256": hashlib.sha256(spki(issued.certificate.public_key())).hexdigest(),
            "reason": reason,
        }
        self._ledger.append(entry)
        issued.revoked_at, issued.revocation_reason = now, reason

    def forget_tokens(self, before: float) -> None:
        """Drop idempotency tokens that can no longer matter; the oldest are at the front."""
        while self._tokens:
            key = next(iter(self._tokens))
            if self._tokens[key][0] >= before:
                return
            del self._tokens[key]

    def clear(self) -> None:
        """Forget everything issued, the ledger included."""
        self._ledger.clear()
        self._certificates.clear()
        self._tokens.clear()
        self._counts.clear()

    def _keep(self, issued: IssuedCertificate, token: str | None) -> None:
        self._certificates[issued.arn] = issued
        self._counts[issued.authority_arn] += 1
        if token is not None:
            key = (issued.authority_arn, token)
            self._tokens.pop(key, None)
            self._tokens[key] = (issued.issued_at, issued.arn)

    def _replay(self, entry: dict[str, Any]) -> None:
        if entry["kind"] == "certificate":
            issued = IssuedCertificate(
                arn=entry["certificate_arn"],
                authority_arn=entry["certificate_authority_arn"],
                serial=int(entry["serial"], 16),
                der=b64decode(entry["der"]),
                issued_at=_seconds(entry["time"]),
                template_arn=entry["template_arn"],
                self_signed=entry["self_signed"],
                fresh=False,
            )
            self._keep(issued, entry["token"])
        elif entry["kind"] == "revocation":
            revoked = self._certificates[entry["certificate_arn"]]
            revoked.revoked_at = _seconds(entry["time"])
            revoked.revocation_reason = entry["reason"]


def spki(key: Any) -> bytes:
    """DER SubjectPublicKeyInfo of a public key."""
    encoded: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def _line(kind: Kind, now: float, origin: Origin) -> dict[str, Any]:
    return {
        "time": instant(now),
        "kind": kind,
        "operation": origin.operation,
        "request_id": origin.request_id,
        "access_key_id": origin.access_key_id,
        "principal": origin.principal,
    }


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
