"""The reference of an order that CA Gateway took and did not answer with a certificate.

It has no call that tells what became of an enrollment; its feed of events has the certificate, but
not the enrollment's id. So the reference says what to look for there: since when, and which key.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """`id` is CA Gateway's, empty where it told none; `key` is what `key_of` makes."""

    id: str
    since: datetime
    key: str

    @property
    def ca_ref(self) -> str:
        """For example `e-81/2026-11-20T08:00:00+00:00/<SHA-256 of the key>`."""
        shown = "".join(each if each.isprintable() else " " for each in self.id)[:_LONGEST_ID]
        return f"{shown}/{self.since.isoformat(timespec='seconds')}/{self.key}"

    @classmethod
    def from_ca_ref(cls, ca_ref: str) -> Self | None:
        """None for the reference of a certificate, which is its serial number."""
        try:
            number, since, key = ca_ref.rsplit("/", 2)
            return cls(number, datetime.fromisoformat(since), key)
        except ValueError:
            return None


def key_of(holder: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """SHA-256 of the public key (SubjectPublicKeyInfo), in hexadecimal."""
    der = holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(der).hexdigest()
