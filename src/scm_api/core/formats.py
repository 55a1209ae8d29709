"""The forms in which a certificate is handed out."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding


def to_pem(der: bytes) -> str:
    """One certificate as PEM (RFC 7468), ending in a newline."""
    certificate = x509.load_der_x509_certificate(der)
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def to_pem_chain(leaf_der: bytes, chain_ders: Sequence[bytes]) -> str:
    """The leaf and its issuers upwards, as TLS servers want them (RFC 8446 section 4.4.2)."""
    return "".join(to_pem(der) for der in (leaf_der, *chain_ders))


def to_pkcs7(leaf_der: bytes, chain_ders: Sequence[bytes]) -> bytes:
    """A certs-only PKCS#7 SignedData (RFC 5652) in DER.

    It is a set: the order of the certificates in it means nothing.
    """
    from cryptography.hazmat.primitives.serialization import pkcs7  # it loads `email`

    certificates = [x509.load_der_x509_certificate(der) for der in (leaf_der, *chain_ders)]
    return pkcs7.serialize_certificates(certificates, Encoding.DER)
