"""The reference of an order that CA Gateway took and did not answer with a certificate.

It has no call that tells what became of an enrollment; its feed of events has the certificate, but
not the enrollment's id. So the reference says what to look for there: since when, which key, and
which certificate with that key it is not.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scm_api.core.certificate_facts import public_key_of

_LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """`id` is CA Gateway's, empty where it told none; `key` is what `key_of_csr` makes. `followed`
    is the serial number of the certificate it follows, if any."""

    id: str
    since: datetime
    key: str
    followed: str = ""

    @property
    def ca_ref(self) -> str:
        """For example `e-81/2026-11-20T08:00:00+00:00/<SHA-256 of the key>`, and `~4af7` after that
        where a certificate is followed."""
        shown = "".join(each if each.isprintable() else " " for each in self.id)[:_LONGEST_ID]
        followed = f"~{self.followed}" if self.followed else ""
        return f"{shown}/{self.since.isoformat(timespec='seconds')}/{self.key}{followed}"

    @classmethod
    def from_ca_ref(cls, ca_ref: str) -> Self | None:
        """None for the reference of a certificate, which is its serial number."""
        try:
            number, since, told = ca_ref.rsplit("/", 2)
            key, _, followed = told.partition("~")
            return cls(number, datetime.fromisoformat(since), key, followed)
        except ValueError:
            return None


def key_of_csr(csr_der: bytes) -> str:
    """SHA-256 of the public key (SubjectPublicKeyInfo) of a CSR that was accepted, in hex."""
    return _digest(x509.load_der_x509_csr(csr_der).public_key())


def key_of_certificate(certificate_der: bytes) -> str | None:
    """The same of a certificate; None for a key of a type that no CSR of ours has."""
    with suppress(ValueError, UnsupportedAlgorithm):
        key = public_key_of(x509.load_der_x509_certificate(certificate_der))
        return None if key is None else _digest(key)
    return None


def _digest(key: CertificatePublicKeyTypes) -> str:
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
