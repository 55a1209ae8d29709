"""Reading a certificate that a CA sent."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import PublicKeyAlgorithmOID, SignatureAlgorithmOID

from scm_api.core.key_types import KEY_ALGORITHMS, key_type_of
from scm_api.core.names import Name
from scm_api.core.x509_names import COMMON_NAME, UNDECODABLE, san_of, sid_of, subject_of

_SIGNATURE_ALGORITHMS: Final = {
    oid: label.lower().strip("_").replace("_", "-")
    for label, oid in vars(SignatureAlgorithmOID).items()
    if isinstance(oid, x509.ObjectIdentifier)
}
_MOST_KEPT: Final = 8_192
"""Bytes of a certificate that is remembered; nobody makes us remember much."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What one certificate says. Hashes are lower-case hex, names as they stand in it.

    `subject` and `issuer` are RFC 4514 strings, `subject_attributes` (dotted OID, text) in the
    certificate's order; `signature_algorithm` is spelled like
    `ecdsa-with-sha256`, or is a dotted OID. `sid` is the account of Active Directory it is for,
    `purposes` are the OIDs of its extendedKeyUsage; none where it says nothing of them.
    """

    serial_number: int
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    subject_attributes: tuple[tuple[str, str], ...]
    common_names: tuple[str, ...]
    names: tuple[Name, ...]
    spki_sha256: str
    fingerprint_sha256: str
    key_type: str
    signature_algorithm: str
    is_ca: bool
    sid: str | None
    purposes: tuple[str, ...]
    is_precertificate: bool


def read_certificate(der: bytes) -> tuple[x509.Certificate, CertificateFacts] | None:
    """The certificate with its facts, or None where any part of it cannot be decoded."""
    return _read_once(der) if len(der) <= _MOST_KEPT else _read(der)


def _read(der: bytes) -> tuple[x509.Certificate, CertificateFacts] | None:
    try:
        certificate = x509.load_der_x509_certificate(der)
        return certificate, _facts_of(certificate)
    except UNDECODABLE:
        return None


# A CA's own certificates come with every certificate it issues.
_read_once = lru_cache(128)(_read)


def public_key_of(certificate: x509.Certificate) -> CertificatePublicKeyTypes | None:
    """The key of a certificate, None for one of a type that may take seconds to read, which is then
    neither one of a CSR nor one of a CA. Raises ValueError, UnsupportedAlgorithm."""
    kind = certificate.public_key_algorithm_oid
    is_read = kind in KEY_ALGORITHMS or kind == PublicKeyAlgorithmOID.ED448
    return certificate.public_key() if is_read else None


def is_for_key_of(certificate_der: bytes, csr_der: bytes) -> bool:
    """Whether a certificate is for the key of a CSR that was accepted. Raises ValueError."""
    certificate = x509.load_der_x509_certificate(certificate_der)
    wanted = x509.load_der_x509_csr(csr_der).public_key()
    with suppress(ValueError, UnsupportedAlgorithm):
        return public_key_of(certificate) == wanted
    return False


def _facts_of(certificate: x509.Certificate) -> CertificateFacts:
    key = public_key_of(certificate)
    if key is None:
        raise UnsupportedAlgorithm("a key of a type that is not read")
    spki_der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    der = certificate.public_bytes(Encoding.DER)
    subject = subject_of(certificate.subject)
    oid = certificate.signature_algorithm_oid
    return CertificateFacts(
        serial_number=certificate.serial_number,
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        subject_attributes=subject,
        common_names=tuple(value for kind, value in subject if kind == COMMON_NAME),
        names=san_of(certificate.extensions).names,
        spki_sha256=hashlib.sha256(spki_der).hexdigest(),
        fingerprint_sha256=hashlib.sha256(der).hexdigest(),
        key_type=key_type_of(key),
        signature_algorithm=_SIGNATURE_ALGORITHMS.get(oid, oid.dotted_string),
        is_ca=is_ca(certificate),
        sid=sid_of(certificate.extensions),
        purposes=_purposes_of(certificate),
        is_precertificate=any(
            isinstance(extension.value, x509.PrecertPoison) for extension in certificate.extensions
        ),
    )


def _purposes_of(certificate: x509.Certificate) -> tuple[str, ...]:
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.ExtendedKeyUsage):
            return tuple(purpose.dotted_string for purpose in extension.value)
    return ()


def is_ca(certificate: x509.Certificate) -> bool:
    """Whether the certificate may sign others: CA:TRUE or keyCertSign (RFC 5280 4.2.1.3, .9)."""
    for extension in certificate.extensions:
        match extension.value:
            case x509.BasicConstraints(ca=True) | x509.KeyUsage(key_cert_sign=True):
                return True
    return False
