"""TLS of the simulator: its own server certificate, and client certificates for its users."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from scm_api.sandbox.authority import distinguished
from scm_api.sandbox.entrust.catalogue import CERTIFICATE_USER

GATEWAY_USER: Final = "gateway-user"
_LIFE: Final = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Transport:
    """Files in the state directory: `trust.pem` for clients, `<user>.pem` with certificate and key
    for users with client certificates."""

    directory: Path

    @property
    def trust(self) -> Path:
        return self.directory / "trust.pem"

    def credential(self, user: str) -> Path:
        return self.directory / f"{user}.pem"

    def is_of(self, user: str, certificate_der: bytes | None) -> bool:
        """Whether a connection brought the certificate of this user."""
        if certificate_der is None or not self.credential(user).exists():
            return False
        own = x509.load_pem_x509_certificate(self.credential(user).read_bytes())
        return own.public_bytes(Encoding.DER) == certificate_der

    def context(self) -> ssl.SSLContext:
        """A client certificate is asked for and, if there is one, must be of our CA."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.trust))
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_cert_chain(self.directory / "server.pem")
        return context


def open_transport(state: Path) -> Transport:
    """What is kept in the directory, made on the first start."""
    directory = state / "tls"
    transport = Transport(directory)
    if transport.trust.exists():
        return transport
    directory.mkdir(mode=0o700, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("Sandbox TLS CA", key, None)
    for user in (CERTIFICATE_USER.name, GATEWAY_USER):
        _write(transport.credential(user), _leaf(user, ca, key, ExtendedKeyUsageOID.CLIENT_AUTH))
    _write(directory / "server.pem", _leaf("localhost", ca, key, ExtendedKeyUsageOID.SERVER_AUTH))
    transport.trust.write_bytes(ca.public_bytes(Encoding.PEM))  # last: it says that all is there
    return transport


def _leaf(
    name: str,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    usage: x509.ObjectIdentifier,
) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _certificate(name, key, (ca, ca_key), usage)
    return leaf.public_bytes(Encoding.PEM) + key.private_bytes(
        Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
    usage: x509.ObjectIdentifier | None = None,
) -> x509.Certificate:
    subject = distinguished(CN=name)
    issuer_name, issuer_key = (issuer[0].subject, issuer[1]) if issuer else (subject, key)
    now = datetime.now(UTC)
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=usage is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(authority_key, critical=False)
    )
    if usage is not None:
        names = [x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))]
        builder = builder.add_extension(
            x509.SubjectAlternativeName(names), critical=False
        ).add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
