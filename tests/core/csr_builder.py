"""Certification requests of every shape, hostile ones included, built octet by octet."""

import base64
from collections.abc import Callable, Sequence
from functools import cache

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scm_api.core.csr import CsrFacts, read_csr

EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
OLD_EXTENSION_REQUEST = "1.3.6.1.4.1.311.2.1.14"
SAN = "2.5.29.17"
UPN = "1.3.6.1.4.1.311.20.2.3"
CN, ORGANIZATION, EMAIL_ADDRESS = "2.5.4.3", "2.5.4.10", "1.2.840.113549.1.9.1"
ECDSA_SHA256, RSA_SHA256 = "1.2.840.10045.4.3.2", "1.2.840.113549.1.1.11"
NULL = b"\x05\x00"

Signer = Callable[[bytes], bytes]


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, b"".join(parts))


def oid(dotted: str) -> bytes:
    return asn1.encode_der(x509.ObjectIdentifier(dotted))


def integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def dns(value: str | bytes) -> bytes:
    return tlv(0x82, value.encode() if isinstance(value, str) else value)


def address(octets: bytes) -> bytes:
    return tlv(0x87, octets)


def other_name(type_id: str, value: bytes) -> bytes:
    return tlv(0xA0, oid(type_id) + tlv(0xA0, value))


def extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    return sequence(oid(dotted), b"\x01\x01\xff" if critical else b"", tlv(0x04, value))


def wanted(value: x509.ExtensionType) -> bytes:
    return extension(value.oid.dotted_string, value.public_bytes())


def attribute(dotted: str, *values: bytes) -> bytes:
    return sequence(oid(dotted), tlv(0x31, b"".join(values)))


def rdn(dotted: str, value: str | bytes, tag: int = 0x0C) -> bytes:
    octets = value.encode() if isinstance(value, str) else value
    return tlv(0x31, sequence(oid(dotted), tlv(tag, octets)))


def spki_of(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def rsa_spki(modulus: int, exponent: int) -> bytes:
    numbers = sequence(integer(modulus), integer(exponent))
    return sequence(sequence(oid("1.2.840.113549.1.1.1"), NULL), tlv(0x03, b"\x00" + numbers))


def dh_spki(modulus: int, *more: int) -> bytes:
    kind = "1.2.840.10046.2.1" if more else "1.2.840.113549.1.3.1"
    numbers = sequence(integer(modulus), integer(2), *map(integer, more))
    return sequence(sequence(oid(kind), numbers), tlv(0x03, b"\0" + integer(4)))


def sign_ec(content: bytes) -> bytes:
    return ec_key().sign(content, ec.ECDSA(hashes.SHA256()))


def request(
    *,
    spki: bytes | None = None,
    subject: Sequence[bytes] = (),
    attributes: Sequence[bytes] = (),
    algorithm: bytes | None = None,
    sign: Signer = sign_ec,
) -> bytes:
    """A CSR in DER, signed with the EC key unless said otherwise."""
    info = sequence(
        integer(0),
        sequence(*subject),
        spki or spki_of(ec_key().public_key()),
        tlv(0xA0, b"".join(sorted(attributes))),  # DER orders the members of a SET OF
    )
    return sequence(info, algorithm or sequence(oid(ECDSA_SHA256)), tlv(3, b"\x00" + sign(info)))


def extension_request(*extensions: bytes) -> bytes:
    return attribute(EXTENSION_REQUEST, sequence(*extensions))


def san(*entries: bytes) -> bytes:
    return extension(SAN, sequence(*entries))


def request_for(
    *names: str | bytes,
    cn: str | None = None,
    subject: Sequence[bytes] = (),
    extensions: Sequence[bytes] = (),
    attributes: Sequence[bytes] = (),
) -> bytes:
    """A CSR in DER for names: text is a dNSName, octets are a whole GeneralName."""
    entries = [name if isinstance(name, bytes) else dns(name) for name in names]
    wished = [*([san(*entries)] if entries else []), *extensions]
    return request(
        subject=[*([rdn(CN, cn)] if cn is not None else []), *subject],
        attributes=[*([extension_request(*wished)] if wished else []), *attributes],
    )


def rsa_request(key: rsa.RSAPrivateKey, *names: str) -> bytes:
    return request(
        spki=spki_of(key.public_key()),
        attributes=[extension_request(san(*map(dns, names)))],
        algorithm=sequence(oid(RSA_SHA256), NULL),
        sign=lambda info: key.sign(info, padding.PKCS1v15(), hashes.SHA256()),
    )


def unsigned_rsa_request(modulus: int, exponent: int = 65537) -> bytes:
    """A CSR for a key whose private half nobody has; its signature cannot be valid."""
    size = max(1, (modulus.bit_length() + 7) // 8)
    return request(
        spki=rsa_spki(modulus, exponent),
        algorithm=sequence(oid(RSA_SHA256), NULL),
        sign=lambda _: b"\x01" * size,
    )


def pem(der: bytes, label: str = "CERTIFICATE REQUEST") -> str:
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{body}-----END {label}-----\n"


def facts_of(der: bytes) -> CsrFacts:
    """The facts of a readable CSR, whatever is wrong with its signature."""
    facts, _ = read_csr(der)
    assert facts is not None
    return facts
