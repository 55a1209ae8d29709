"""The CAs behind simulators: hierarchies of a root and an issuing CA that really sign."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scm_api.sandbox.own_keys import own_key

_HASHES: Final[dict[str, hashes.SHA256 | hashes.SHA384]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
}
_BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_CA_LIFE: Final = timedelta(days=9000)
_CA_USAGE: Final = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A root and the CA under it that signs."""

    root: x509.Certificate
    issuing: x509.Certificate
    key: rsa.RSAPrivateKey

    def sign(self, wanted: "Wanted") -> x509.Certificate:
        """A leaf with the subject and names that are wanted, whatever a CSR says."""
        key_usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=isinstance(wanted.public_key, rsa.RSAPublicKey),
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=False,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(wanted.subject)
            .issuer_name(self.issuing.subject)
            .public_key(wanted.public_key)
            .serial_number(wanted.serial_number or x509.random_serial_number())
            .not_valid_before(wanted.not_before)
            .not_valid_after(wanted.not_after)
            .add_extension(authority_key, critical=False)
            .add_extension(key_usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage(wanted.usages), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        )
        if wanted.names:
            names = x509.SubjectAlternativeName(wanted.names)
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, _HASHES[wanted.signature_hash])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a leaf is to hold; without a serial number, a random one."""

    public_key: CertificatePublicKeyTypes
    subject: x509.Name
    names: Sequence[x509.GeneralName]
    signature_hash: str
    not_before: datetime
    not_after: datetime
    usages: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.SERVER_AUTH,)
    serial_number: int | None = None


def open_hierarchy(directory: Path, name: str) -> Hierarchy:
    """The hierarchy kept in a directory, made on the first start."""
    path = directory / f"{name}.pem"
    if not path.exists():
        path.write_bytes(_new_hierarchy(name))
        path.chmod(0o600)
    content = path.read_bytes()
    root, issuing = x509.load_pem_x509_certificates(content)
    key = own_key(content)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Hierarchy(root, issuing, key)


def distinguished(**members: str) -> x509.Name:
    """A subject of `CN`, `OU`, `O`, `L`, `ST` and `C`, in the order they are given."""
    return x509.Name([x509.NameAttribute(_OIDS[kind], text) for kind, text in members.items()])


def general_name(text: str) -> x509.GeneralName:
    """An address where it reads like one, else a DNS name."""
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _new_hierarchy(name: str) -> bytes:
    title = f"Fake {name.capitalize()}"
    root_key, key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    root = _ca(f"{title} Root", root_key.public_key(), f"{title} Root", root_key, None)
    issuing = _ca(f"{title} Issuing CA", key.public_key(), f"{title} Root", root_key, 0)
    encoded = [each.public_bytes(serialization.Encoding.PEM) for each in (root, issuing)]
    return b"".join(encoded) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _ca(
    name: str,
    key: rsa.RSAPublicKey,
    issuer: str,
    issuer_key: rsa.RSAPrivateKey,
    path_length: int | None,
) -> x509.Certificate:
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(distinguished(CN=name, O="Fake CA Inc", C="US"))
        .issuer_name(distinguished(CN=issuer, O="Fake CA Inc", C="US"))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGAN)
        .not_valid_after(_BEGAN + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_CA_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(authority_key, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


_OIDS: Final = {
    "CN": NameOID.COMMON_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "L": NameOID.LOCALITY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "C": NameOID.COUNTRY_NAME,
}
