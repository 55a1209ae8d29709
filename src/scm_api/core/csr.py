"""Reading a PKCS#10 certification request (RFC 2986) that may be anything at all.

Only reading: what the request may ask for is judged in `csr_policy`, `domain_policy` and
`key_policy`. No text from the input is repeated before it is known not to be a private key.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scm_api.core import csr_text
from scm_api.core.csr_key import read_key
from scm_api.core.errors import Fault
from scm_api.core.key_types import key_type_of
from scm_api.core.names import Name
from scm_api.core.object_identifiers import named
from scm_api.core.x509_names import COMMON_NAME, UNDECODABLE, SanFacts, san_of, subject_of

MAX_CSR_TEXT: Final = 32_768
"""Bytes of a CSR as PEM; what AWS Private CA takes, and the other CAs take no less."""

MAX_CSR_DER: Final = 24_144
"""Bytes of a CSR as DER; one more and its PEM would pass MAX_CSR_TEXT."""

MAX_NAMES: Final = 250
MAX_SUBJECT_ATTRIBUTES: Final = 32
MAX_EXTENSIONS: Final = 32
MAX_ATTRIBUTES: Final = 16

EXTENSION_REQUESTS: Final = frozenset({"1.2.840.113549.1.9.14", "1.3.6.1.4.1.311.2.1.14"})
"""The attribute that carries wanted extensions: PKCS#9, and its twin in old Windows requests."""

_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_HASHES_ACCEPTED = "SHA-256, SHA-384, SHA-512, Ed25519 or ML-DSA"
_ACCEPTED = "one PEM block CERTIFICATE REQUEST and nothing else, or the base64 of its DER"


@dataclass(frozen=True, slots=True)
class CsrFacts:
    """What one certification request says, as it says it: nothing is normalised or judged.

    `subject` holds (dotted OID, text) in the order of the request; `names` are the
    subjectAltName entries.
    """

    der: bytes
    public_key: CertificatePublicKeyTypes
    spki_der: bytes
    spki_sha256: str
    key_type: str
    subject: tuple[tuple[str, str], ...]
    common_names: tuple[str, ...]
    names: tuple[Name, ...]
    san_critical: bool
    extensions: x509.Extensions
    attribute_oids: tuple[str, ...]


def read_csr(text: str | bytes) -> tuple[CsrFacts | None, list[Fault]]:
    """What the request says, and every reason why it cannot be trusted to say it.

    `text` is PEM or base64 of DER; bytes are DER. Facts come without faults, with faults of the
    signature and of how the key is written alone (so that the rest can still be judged), or not at
    all. Codes:
    `private-key-received`, `csr-too-large`, `csr-malformed`, `csr-algorithm`,
    `csr-signature-invalid`, `key-not-allowed`, `san-type-not-allowed`, `address-not-allowed`.
    """
    der = _der_of(text)
    if isinstance(der, Fault):
        return None, [der]
    try:
        request = x509.load_der_x509_csr(der)
    except UNDECODABLE:
        return None, [_unreadable(der)]
    key, faults = read_key(request)
    content = _content(request)
    if isinstance(content, Fault):
        return None, [*faults, content]
    if key is None:
        return None, faults
    return _facts(der, key, content), [*faults, *_signature_faults(request)]


def _der_of(text: str | bytes) -> bytes | Fault:
    if len(text) > MAX_CSR_TEXT:
        return _too_large(f"The CSR is larger than {MAX_CSR_TEXT:,} bytes.")
    if csr_text.holds_private_key(text if isinstance(text, str) else text.decode("latin-1")):
        return _private_key()
    der = text if isinstance(text, bytes) else csr_text.decoded(text.strip())
    if isinstance(der, csr_text.Undecoded):
        return Fault("/csr", "csr-malformed", der, _ACCEPTED)
    if len(der) > MAX_CSR_DER:
        return _too_large(f"The CSR would be larger than {MAX_CSR_TEXT:,} bytes as PEM.")
    return der


def _unreadable(der: bytes) -> Fault:
    if csr_text.is_private_key(der) or csr_text.holds_private_key(der.decode("latin-1")):
        return _private_key()
    detail = "The CSR is not a PKCS#10 certification request in DER."
    if csr_text.is_certificate(der):
        detail = "The CSR is an X.509 certificate, not a PKCS#10 certification request."
    elif csr_text.is_pem(der):
        detail = "The CSR is the base64 of a PEM block; send the block itself."
    return Fault("/csr", "csr-malformed", detail, _ACCEPTED)


def _private_key() -> Fault:
    detail = (
        "This holds a private key. It was neither stored nor logged, but it travelled, so consider "
        "it exposed: make a new key and send only the CSR."
    )
    return Fault("/csr", "private-key-received", detail, _ACCEPTED)


def _too_large(detail: str) -> Fault:
    accepted = (
        f"at most {MAX_CSR_TEXT:,} bytes, {MAX_NAMES} names, {MAX_SUBJECT_ATTRIBUTES} subject "
        f"attributes, {MAX_EXTENSIONS} extensions and {MAX_ATTRIBUTES} attributes"
    )
    return Fault("/csr", "csr-too-large", detail, accepted)


@dataclass(frozen=True, slots=True)
class _Content:
    """The parts of a request that the library reads lazily, and may refuse only then."""

    subject: tuple[tuple[str, str], ...]
    extensions: x509.Extensions
    attribute_oids: tuple[str, ...]
    san: SanFacts


def _content(request: x509.CertificateSigningRequest) -> _Content | Fault:
    try:
        content = _Content(
            subject=subject_of(request.subject),
            attribute_oids=tuple(entry.oid.dotted_string for entry in request.attributes),
            extensions=request.extensions,
            san=san_of(request.extensions),
        )
    except x509.DuplicateExtension as error:
        detail = f"The CSR asks twice for the extension {named(error.oid.dotted_string)}."
        return Fault("/csr", "csr-malformed", detail)
    except x509.UnsupportedGeneralNameType:
        detail = "The CSR holds a subjectAltName of type x400Address or ediPartyName."
        return Fault("/csr", "san-type-not-allowed", detail)
    except UNDECODABLE as error:
        if "IPv4 or IPv6 address" in str(error):  # from `ipaddress`, for a wrong octet count
            detail = "The CSR holds an iPAddress that is not 4 or 16 octets long."
            return Fault("/csr", "address-not-allowed", detail)
        detail = "The subject, the attributes or the extensions of the CSR cannot be decoded."
        return Fault("/csr", "csr-malformed", detail)
    return _bounded(content)


def _bounded(content: _Content) -> _Content | Fault:
    if sum(oid in EXTENSION_REQUESTS for oid in content.attribute_oids) > 1:
        # Readers disagree on which one counts, so the CA could see names we did not judge.
        return Fault("/csr", "csr-malformed", "The CSR holds more than one extension request.")
    counts = {
        "names": (len(content.san.names), MAX_NAMES),
        "subject attributes": (len(content.subject), MAX_SUBJECT_ATTRIBUTES),
        "extensions": (len(content.extensions), MAX_EXTENSIONS),
        "attributes": (len(content.attribute_oids), MAX_ATTRIBUTES),
    }
    excess = [f"{found:,} {what}" for what, (found, most) in counts.items() if found > most]
    return _too_large(f"The CSR holds {' and '.join(excess)}.") if excess else content


def _facts(der: bytes, key: CertificatePublicKeyTypes, content: _Content) -> CsrFacts:
    spki_der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return CsrFacts(
        der=der,
        public_key=key,
        spki_der=spki_der,
        spki_sha256=hashlib.sha256(spki_der).hexdigest(),
        key_type=key_type_of(key),
        subject=content.subject,
        common_names=tuple(value for oid, value in content.subject if oid == COMMON_NAME),
        names=content.san.names,
        san_critical=content.san.critical,
        extensions=content.extensions,
        attribute_oids=content.attribute_oids,
    )


def _signature_faults(request: x509.CertificateSigningRequest) -> Iterator[Fault]:
    try:
        algorithm = request.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):  # ValueError: RSA-PSS without its parameters
        oid = named(request.signature_algorithm_oid.dotted_string)
        detail = f"The CSR is signed with {oid}, which is unknown or lacks its parameters."
        yield Fault("/csr", "csr-algorithm", detail, _HASHES_ACCEPTED)
        return
    if algorithm is not None and not isinstance(algorithm, _HASHES):
        detail = f"The CSR is signed with {algorithm.name.upper()}."
        yield Fault("/csr", "csr-algorithm", detail, _HASHES_ACCEPTED)
    elif not request.is_signature_valid:
        detail = "The signature of the CSR does not fit its content and public key."
        yield Fault("/csr", "csr-signature-invalid", detail)
