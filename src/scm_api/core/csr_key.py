"""Reading the public key in a PKCS#10 certification request."""

from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import PublicKeyAlgorithmOID

from scm_api.core.errors import Fault
from scm_api.core.key_types import KEY_ALGORITHMS, KEY_TYPES, MAX_RSA_BITS
from scm_api.core.object_identifiers import named

_NAMED_CURVE: Final = (
    "a key that names its curve, as openssl genpkey -algorithm EC makes one with "
    "-pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve"
)
_SEQUENCE: Final = b"\x30"


@asn1.sequence
class _SubjectPublicKeyInfo:
    """RFC 5280 section 4.1.2.7; `algorithm` is an OID and, where there are any, its parameters."""

    algorithm: list[asn1.TLV]
    key: asn1.TLV


@asn1.sequence
class _CertificationRequestInfo:
    """RFC 2986 section 4.1."""

    version: int
    subject: asn1.TLV
    key: _SubjectPublicKeyInfo
    attributes: asn1.TLV


def read_key(
    request: x509.CertificateSigningRequest,
) -> tuple[CertificatePublicKeyTypes | None, list[Fault]]:
    """The key, or None where it cannot be used, and what is wrong with how it is written.

    What its numbers are is judged in `key_policy`. Code: `key-not-allowed`.
    """
    try:
        info = asn1.decode_der(_CertificationRequestInfo, request.tbs_certrequest_bytes)
        algorithm, *parameters = info.key.algorithm
        oid = algorithm.parse(x509.ObjectIdentifier)
        if oid not in KEY_ALGORITHMS:
            return None, [_unknown_algorithm(oid)]
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        detail = f"The public key of the CSR cannot be used: {str(error).rstrip('.')}."
        return None, [Fault("/csr", "key-not-allowed", detail)]
    if isinstance(key, rsa.RSAPublicKey) and key.key_size > MAX_RSA_BITS:
        detail = f"The RSA key of the CSR has {key.key_size:,} bits."
        accepted = f"at most {MAX_RSA_BITS:,} bits"
        return None, [Fault("/csr", "key-not-allowed", detail, accepted)]
    is_ec = oid == PublicKeyAlgorithmOID.EC_PUBLIC_KEY
    if is_ec and any(each.tag_bytes == _SEQUENCE for each in parameters):
        detail = (
            "The EC key of the CSR holds the parameters of its curve in place of the curve's name, "
            "which RFC 5480 section 2.1.1 forbids."
        )
        return key, [Fault("/csr", "key-not-allowed", detail, _NAMED_CURVE)]
    return key, []


def _unknown_algorithm(oid: x509.ObjectIdentifier) -> Fault:
    detail = f"The key of the CSR is of type {named(oid.dotted_string)}; no profile takes it."
    return Fault("/csr", "key-not-allowed", detail, ", ".join(KEY_TYPES))
