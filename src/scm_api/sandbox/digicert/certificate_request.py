"""The member `certificate` of orders and reissues."""

from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from scm_api.sandbox.digicert.errors import ApiError, invalid, missing
from scm_api.sandbox.documents import Document

_BEGIN: Final = "-----BEGIN CERTIFICATE REQUEST-----"
_END: Final = "-----END CERTIFICATE REQUEST-----"
_CURVES: Final = {"secp256r1", "secp384r1"}


@dataclass(frozen=True, slots=True)
class Parsed:
    """The certificate an order asks for, as far as the body alone tells."""

    csr: x509.CertificateSigningRequest
    common_name: str
    names: list[str]
    signature_hash: str


def read_certificate(body: dict[str, Any], product: Document) -> Parsed:
    """What the member `certificate` says; neither subject nor names are read from the CSR."""
    certificate = body.get("certificate")
    if not isinstance(certificate, dict):
        raise missing("certificate")
    for field in ("common_name", "csr", "signature_hash"):
        if not certificate.get(field):
            raise missing(field)
    hashes = [each["id"] for each in product["signature_hash_types"]["allowed_hash_types"]]
    if certificate["signature_hash"] not in hashes:
        raise invalid("signature_hash")
    extra = certificate.get("dns_names") or []
    if not isinstance(extra, list) or not all(isinstance(each, str) for each in extra):
        raise invalid("dns_names")
    common_name = str(certificate["common_name"])
    names = list(dict.fromkeys([common_name, *extra]))
    return Parsed(load_csr(certificate["csr"]), common_name, names, certificate["signature_hash"])


def load_csr(text: Any) -> x509.CertificateSigningRequest:
    """PEM with or without line ends, or its base64 alone. Raises ApiError."""
    bare = "".join(str(text).replace(_BEGIN, "").replace(_END, "").split())
    try:
        csr = x509.load_pem_x509_csr(f"{_BEGIN}\n{bare}\n{_END}\n".encode())
    except ValueError as error:
        raise ApiError(400, "csr_invalid_cannot_parse", "Could not parse the CSR.") from error
    key = csr.public_key()
    is_strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES
    )
    if not is_strong:
        raise ApiError(400, "csr_invalid_key_size", "The key of the CSR is not supported.")
    if not csr.is_signature_valid:
        raise ApiError(400, "csr_invalid_signature", "The signature of the CSR is not valid.")
    return csr
