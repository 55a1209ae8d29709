"""Keys and CSRs made on the spot: one as it should be, one with everything wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Request:
    """A fresh key and a CSR (PEM) for one DNS name signed with it."""

    key: Key
    csr: str

    @classmethod
    def new(cls, name: str, *, rsa_key: bool = False) -> Self:
        """The key is on curve P-256, or an RSA key of 2048 bits."""
        key: Key = ec.generate_private_key(ec.SECP256R1())
        if rsa_key:
            key = rsa.generate_private_key(65537, 2048)
        return cls(key, _csr(key, name, [x509.DNSName(name)]))

    @property
    def key_pem(self) -> bytes:
        """The private key as unencrypted PKCS#8, which every TLS server reads."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def bad_csr(common_name: str) -> str:
    """A CSR with a short key, somebody else's name, an address, and a CN that is no SAN."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - too short on purpose
    strangers = [x509.DNSName("www.bank.example.org"), x509.IPAddress(IPv4Address("192.0.2.7"))]
    return _csr(key, common_name, strangers)


def _csr(
    key: Key,
    common_name: str,
    names: Sequence[x509.GeneralName],
) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return request.public_bytes(serialization.Encoding.PEM).decode()
