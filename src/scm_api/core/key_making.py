"""Keys made here for whoever cannot: the key, its CSR and the one form in which it leaves."""

import base64
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from scm_api.core.errors import Fault
from scm_api.core.names import Name
from scm_api.core.vocabulary import NameKind
from scm_api.core.x509_names import UPN

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_CURVES: Final[Mapping[str, ec.EllipticCurve]] = {
    "ec-p256": ec.SECP256R1(),
    "ec-p384": ec.SECP384R1(),
    "ec-p521": ec.SECP521R1(),
}
MADE_TYPES: Final = ("rsa-2048", "rsa-3072", "rsa-4096", *_CURVES, "ed25519")
"""Spelled as in `core.key_types`; larger RSA keys take half a minute to find."""


class KeyFormat(StrEnum):
    """How a made key is delivered; both are encrypted with the requester's password."""

    PKCS8 = "pkcs8"
    PKCS12 = "pkcs12"


def judge_key_making(
    *, allowed: bool, key_type: str, allowed_types: Collection[str]
) -> list[Fault]:
    """Whether a profile has keys made here, and of this type.

    Codes: `key-making-not-allowed`, `key-not-allowed`.
    """
    faults = []
    if not allowed:
        detail = "The certificate profile does not have keys made by the service."
        faults.append(Fault("/generate_key", "key-making-not-allowed", detail, "a CSR"))
    possible = [each for each in MADE_TYPES if each in allowed_types]
    if key_type not in possible:
        detail = f"The certificate profile takes no key of type {key_type} made here."
        accepted = ", ".join(possible) or "a CSR"
        faults.append(Fault("/generate_key/key_type", "key-not-allowed", detail, accepted))
    return faults


def new_key(key_type: str) -> PrivateKey:
    """A key of one of MADE_TYPES. RSA may take seconds of CPU."""
    if key_type in _CURVES:
        return ec.generate_private_key(_CURVES[key_type])
    if key_type == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, int(key_type.removeprefix("rsa-")))


def csr_for(key: PrivateKey, names: Sequence[Name], common_name: str | None) -> bytes:
    """A PKCS#10 request in DER for normalised names.

    Without a common name the subject is empty and the names are critical (RFC 5280, 4.2.1.6).
    There are none where the CA takes them from elsewhere.
    """
    text = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(text))
    if names:
        alternative = x509.SubjectAlternativeName([_general(name) for name in names])
        builder = builder.add_extension(alternative, critical=not text)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


def encrypted(
    key: PrivateKey, form: KeyFormat, password: str, certificates: Sequence[bytes] = ()
) -> str:
    """PKCS#8 as PEM, or PKCS#12 as base64, under the password.

    `certificates` are DER, the key's own first; PKCS#12 holds them beside the key. A guess at the
    password costs 2,048 rounds: PKCS#8 of the library has no more, and PKCS#12 is open to guesses
    at its MAC, which has no more, however many the key in it has.
    """
    secret = password.encode()
    if form is KeyFormat.PKCS8:
        sealed = BestAvailableEncryption(secret)
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed).decode()
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(secret)
    )
    found = [x509.load_der_x509_certificate(each) for each in certificates]
    leaf, chain = (found[0], found[1:]) if found else (None, [])
    whole = pkcs12.serialize_key_and_certificates(None, key, leaf, chain or None, encryption)
    return base64.b64encode(whole).decode()


def _general(name: Name) -> x509.GeneralName:
    match name.kind:
        case NameKind.DNS:
            return x509.DNSName(name.value)
        case NameKind.IP:
            return x509.IPAddress(ip_address(name.value))
        case NameKind.EMAIL:
            return x509.RFC822Name(name.value)
        case NameKind.URI:
            return x509.UniformResourceIdentifier(name.value)
        case NameKind.UPN:
            return x509.OtherName(UPN, asn1.encode_der(name.value))
        case _:
            raise ValueError(f"no CSR is made for names of kind {name.kind}")
