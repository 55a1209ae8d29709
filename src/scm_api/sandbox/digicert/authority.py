"""The CA behind the simulator: a public and a private hierarchy that really sign."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_HASHES: Final[dict[str, hashes.SHA256 | hashes.SHA384]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
}
_BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_CA_LIFE: Final = timedelta(days=9000)


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A root and the CA under it that signs."""

    root: x509.Certificate
    issuing: x509.Certificate
    key: rsa.RSAPrivateKey

    def sign(self, wanted: "Wanted") -> x509.Certificate:
        """A leaf; names and subject are those of the order, since CertCentral reads neither from
        the CSR."""
        names = [_name(each) for each in wanted.names]
        key_usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=isinstance(wanted.csr.public_key(), rsa.RSAPublicKey),
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=False,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(_subject(wanted))
            .issuer_name(self.issuing.subject)
            .public_key(wanted.csr.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(wanted.not_before)
            .not_valid_after(wanted.not_after)
            .add_extension(authority_key, critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(key_usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self.key, _HASHES[wanted.signature_hash])
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a leaf is to hold; `organization` is left out of domain validated ones."""

    csr: x509.CertificateSigningRequest
    common_name: str
    names: list[str]
    organization: dict[str, Any] | None
    signature_hash: str
    not_before: datetime
    not_after: datetime


def open_hierarchy(directory: Path, name: str) -> Hierarchy:
    """The hierarchy kept in a directory, made on the first start."""
    path = directory / f"{name}.pem"
    if not path.exists():
        path.write_bytes(_new_hierarchy(name))
        path.chmod(0o600)
    content = path.read_bytes()
    root, issuing = x509.load_pem_x509_certificates(content)
    key = serialization.load_pem_private_key(content[content.index(b"-----BEGIN PRIV") :], None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Hierarchy(root, issuing, key)


def pem(certificate: x509.Certificate) -> str:
    """PEM with the CRLF line ends that CertCentral puts into JSON."""
    text = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return text.replace("\n", "\r\n")


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
        .subject_name(_distinguished(CN=name, O="Fake CA Inc", C="US"))
        .issuer_name(_distinguished(CN=issuer, O="Fake CA Inc", C="US"))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGAN)
        .not_valid_after(_BEGAN + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(authority_key, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


_OIDS: Final = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "L": NameOID.LOCALITY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "C": NameOID.COUNTRY_NAME,
}


def _distinguished(**members: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(_OIDS[kind], text) for kind, text in members.items()])


def _subject(wanted: Wanted) -> x509.Name:
    organization = wanted.organization
    if organization is None:
        return _distinguished(CN=wanted.common_name)
    return _distinguished(
        C=organization["country"].upper(),
        ST=organization["state"],
        L=organization["city"],
        O=organization["name"],
        CN=wanted.common_name,
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)
