"""Small certificate authorities that issue whatever a test wants, right or wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def key(label: str) -> ec.EllipticCurvePrivateKey:
    """The same key for the same label."""
    return _key(label)


@cache
def _key(_label: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def subject(common_name: str | None, organization: str | None = None) -> x509.Name:
    parts = [(NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common_name)]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value is not None])


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


@dataclass(frozen=True)
class Authority:
    name: str
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return der(self.certificate)


@cache
def authority(
    name: str,
    issuer: str | None = None,
    *,
    key_label: str = "",
    serial: int = 1,
    ca: bool = True,
    end: timedelta = timedelta(days=3000),
) -> Authority:
    """A CA certificate; without an issuer it is a root. `end` counts from NOW."""
    signer = issuer or name
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject(name))
        .issuer_name(subject(signer))
        .public_key(key(key_label or name).public_key())
        .serial_number(serial)
        .not_valid_before(NOW - timedelta(days=1000))
        .not_valid_after(NOW + end)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .sign(key(signer if issuer else key_label or name), hashes.SHA256())
    )
    return Authority(name, certificate)


def leaf(
    names: Sequence[x509.GeneralName | str] = ("a.example.test",),
    *,
    issuer: str = "Issuing CA",
    signed_by: str | None = None,
    holder: str = "holder",
    cn: str | None = "a.example.test",
    organization: str | None = None,
    begin: timedelta = timedelta(0),
    end: timedelta = timedelta(days=90),
    extensions: Sequence[x509.ExtensionType] = (),
) -> bytes:
    """A certificate in DER; `begin` and `end` count from NOW."""
    entries = [x509.DNSName(name) if isinstance(name, str) else name for name in names]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject(cn, organization))
        .issuer_name(subject(issuer))
        .public_key(key(holder).public_key())
        .serial_number(0x0A1B)
        .not_valid_before(NOW + begin)
        .not_valid_after(NOW + end)
    )
    if entries:
        builder = builder.add_extension(x509.SubjectAlternativeName(entries), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return der(builder.sign(key(signed_by or issuer), hashes.SHA256()))
