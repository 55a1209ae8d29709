"""The CAs of the domain: a root, the issuing CA the site serves, and another beside it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from scm_api.sandbox.microsoft.catalogue import CA_HOST, CA_NAME, OTHER_CA_NAME, ROOT_NAME
from scm_api.sandbox.own_keys import own_key

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
KeyKind = Literal["rsa", "ecdsa"]
_BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_ROOT_LIFE: Final = timedelta(days=7300)
_CA_LIFE: Final = timedelta(days=3650)
CA_USAGE: Final = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
_CA_VERSION: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.21.1")


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA with its key."""

    name: str
    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """`foreign` is a root that the domain does not trust (not in NTAuth)."""

    root: Authority
    issuing: Authority
    other: Authority
    foreign: Authority

    def by_name(self, name: str) -> Authority:
        return self.other if name == OTHER_CA_NAME else self.issuing


def open_hierarchy(directory: Path, kind: KeyKind) -> Hierarchy:
    """What is kept in the directory, made on the first start. `kind` is that of the issuing CA."""
    directory.mkdir(mode=0o700, exist_ok=True)
    foreign = _kept(directory / "foreign.pem", "Elsewhere Root CA", None, "ecdsa")
    root = _kept(directory / "root.pem", ROOT_NAME, None, "rsa")
    other = _kept(directory / "other.pem", OTHER_CA_NAME, root, "rsa")
    issuing = _kept(directory / f"issuing-{kind}.pem", CA_NAME, root, kind)
    return Hierarchy(root, issuing, other, foreign)


def new_key(kind: KeyKind) -> Key:
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def with_key(certificate: x509.Certificate, key: Key) -> bytes:
    """Both in PEM."""
    return certificate.public_bytes(Encoding.PEM) + key.private_bytes(
        Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_private(path: Path, content: bytes) -> None:
    """A file that only its owner can read."""
    path.touch(mode=0o600)
    path.write_bytes(content)


def load_pair(path: Path) -> tuple[x509.Certificate, Key]:
    """The certificate and the key of a file that `with_key` made."""
    content = path.read_bytes()
    key = own_key(content)
    assert isinstance(key, Key)
    return x509.load_pem_x509_certificate(content), key


def crl_address(authority: Authority) -> str:
    """The CRL distribution point in what a CA issues."""
    return f"http://{CA_HOST}/CertEnroll/{quote(authority.name)}.crl"


def _kept(path: Path, name: str, issuer: Authority | None, kind: KeyKind) -> Authority:
    if not path.exists():
        key = new_key(kind)
        write_private(path, with_key(_certificate(name, key, issuer), key))
    return Authority(name, *load_pair(path))


def _certificate(name: str, key: Key, issuer: Authority | None) -> x509.Certificate:
    signer = issuer.key if issuer else key
    subject = _subject(name)
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGAN)
        .not_valid_after(_BEGAN + (_CA_LIFE if issuer else _ROOT_LIFE))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(CA_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(authority_key, critical=False)
        .add_extension(x509.UnrecognizedExtension(_CA_VERSION, b"\x02\x01\x00"), critical=False)
    )
    return builder.sign(signer, hashes.SHA256())


def _subject(name: str) -> x509.Name:
    """As Windows orders it: the last component of the domain first."""
    parts = [(NameOID.DOMAIN_COMPONENT, "example"), (NameOID.DOMAIN_COMPONENT, "corp")]
    return x509.Name(
        [x509.NameAttribute(kind, text) for kind, text in (*parts, (NameOID.COMMON_NAME, name))]
    )
