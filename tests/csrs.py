"""Ordinary certification requests, as openssl would make them."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

RSA_KEY = rsa.generate_private_key(65537, 2048)
"""One for all processes of a run: making one takes a tenth of a second."""


def new_key() -> ec.EllipticCurvePrivateKey:
    """A P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def csr_for(*names: str, key: Key | None = None, subject: bool = True) -> str:
    """A CSR in PEM for DNS names, the first of them also as common name."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, names[0])] if subject else []
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    request = request.add_extension(alternative, critical=not subject)
    return request.sign(key or new_key(), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def client_csr(*addresses: str, common_name: str = "Ada Lovelace", key: Key | None = None) -> str:
    """A CSR in PEM for a person with these e-mail addresses."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    alternative = x509.SubjectAlternativeName([x509.RFC822Name(each) for each in addresses])
    request = request.add_extension(alternative, critical=False)
    return request.sign(key or new_key(), hashes.SHA256()).public_bytes(Encoding.PEM).decode()
