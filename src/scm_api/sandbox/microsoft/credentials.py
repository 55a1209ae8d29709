"""What clients need files for: TLS trust, client certificates, enrollment agents."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scm_api.sandbox.microsoft.catalogue import (
    CA_HOST,
    CLIENT_AUTH,
    DNS_DOMAIN,
    ENROLLER,
    REQUEST_AGENT,
    REVOKER,
)
from scm_api.sandbox.microsoft.hierarchy import (
    CA_USAGE,
    Authority,
    Hierarchy,
    KeyKind,
    load_pair,
    new_key,
    with_key,
    write_private,
)

AgentName = Literal["rsa", "ecdsa", "expired", "wrong-eku", "foreign"]
AGENT_NAMES: Final[tuple[AgentName, ...]] = ("rsa", "ecdsa", "expired", "wrong-eku", "foreign")
_TEN_YEARS: Final = timedelta(days=3650)
_YEAR: Final = timedelta(days=365)
_WITH_CERTIFICATE: Final = (ENROLLER.sam, REVOKER.sam)


@dataclass(frozen=True, slots=True)
class Transport:
    """Files in `tls`: `trust.pem` for clients, `<sam>.pem` with certificate and key for accounts
    that can log on with a client certificate."""

    directory: Path

    @property
    def trust(self) -> Path:
        return self.directory / "trust.pem"

    def credential(self, sam: str) -> Path:
        return self.directory / f"{sam}.pem"

    def owner(self, certificate_der: bytes) -> str | None:
        """The account a client certificate is mapped to."""
        for sam in _WITH_CERTIFICATE:
            own = x509.load_pem_x509_certificate(self.credential(sam).read_bytes())
            if own.public_bytes(Encoding.DER) == certificate_der:
                return sam
        return None

    def end_point(self) -> bytes:
        """The `tls-server-end-point` bindings of the server's certificate (RFC 5929)."""
        certificate, _ = load_pair(self.directory / "server.pem")
        algorithm = certificate.signature_hash_algorithm
        if algorithm is None or isinstance(algorithm, hashes.MD5 | hashes.SHA1):
            algorithm = hashes.SHA256()
        return b"tls-server-end-point:" + certificate.fingerprint(algorithm)

    def context(self, *, asks_for_certificate: bool) -> ssl.SSLContext:
        """A client certificate is optional; if there is one it must be of our CA."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.trust))
        context.verify_mode = ssl.CERT_OPTIONAL if asks_for_certificate else ssl.CERT_NONE
        context.set_alpn_protocols(["http/1.1"])  # no HTTP/2: it cannot carry NTLM
        context.load_cert_chain(self.directory / "server.pem")
        return context


@dataclass(frozen=True, slots=True)
class Agents:
    """Enrollment agents, each a PEM file with certificate and key in `agents`."""

    directory: Path

    def path(self, name: AgentName) -> Path:
        return self.directory / f"{name}.pem"


def open_transport(state: Path, host: str) -> Transport:
    """What is kept in the directory, made on the first start."""
    transport = Transport(state / "tls")
    if transport.trust.exists():
        return transport
    transport.directory.mkdir(mode=0o700, exist_ok=True)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    root = Authority("TLS CA", _self_signed(key, now), key)
    names: list[x509.GeneralName] = [
        x509.DNSName(each) for each in ("localhost", CA_HOST, f"dc1.{DNS_DOMAIN}")
    ]
    for address in {"127.0.0.1", host}:
        try:
            names.append(x509.IPAddress(ip_address(address)))
        except ValueError:
            names.append(x509.DNSName(address))
    span = (now - timedelta(days=1), now + _TEN_YEARS)
    server = _leaf(CA_HOST, root, [ExtendedKeyUsageOID.SERVER_AUTH], span, "ecdsa", names)
    write_private(transport.directory / "server.pem", server)
    for sam in _WITH_CERTIFICATE:
        client = _leaf(sam, root, [ExtendedKeyUsageOID.CLIENT_AUTH], span, "ecdsa")
        write_private(transport.credential(sam), client)
    transport.trust.write_bytes(root.certificate.public_bytes(Encoding.PEM))  # last: all is there
    return transport


def open_agents(state: Path, hierarchy: Hierarchy) -> Agents:
    """What is kept in the directory, made on the first start, for the present issuing CA."""
    agents = Agents(state / "agents")
    agents.directory.mkdir(mode=0o700, exist_ok=True)
    now = datetime.now(UTC)
    span = (now - timedelta(days=1), now + _YEAR * 2)
    past = (now - _YEAR * 2, now - timedelta(days=30))
    issuing = hierarchy.issuing
    wanted: dict[AgentName, tuple[Authority, str, tuple[datetime, datetime], KeyKind]] = {
        "rsa": (issuing, REQUEST_AGENT, span, "rsa"),
        "ecdsa": (issuing, REQUEST_AGENT, span, "ecdsa"),
        "expired": (issuing, REQUEST_AGENT, past, "ecdsa"),
        "wrong-eku": (issuing, CLIENT_AUTH, span, "ecdsa"),
        "foreign": (hierarchy.foreign, REQUEST_AGENT, span, "ecdsa"),
    }
    for name, (authority, usage, dates, kind) in wanted.items():
        path = agents.path(name)
        if path.exists() and _is_from(authority, load_pair(path)[0]):
            continue
        usages = [x509.ObjectIdentifier(usage)]
        write_private(path, _leaf(f"Agent {name}", authority, usages, dates, kind))
    return agents


def _is_from(authority: Authority, certificate: x509.Certificate) -> bool:
    """Whether the authority signed it, and not its namesake with another kind of key."""
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _leaf(
    name: str,
    issuer: Authority,
    usages: Sequence[x509.ObjectIdentifier],
    span: tuple[datetime, datetime],
    kind: KeyKind,
    names: Sequence[x509.GeneralName] = (),
) -> bytes:
    key = new_key(kind)
    signer = issuer.key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(_common_name(name))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return with_key(builder.sign(issuer.key, hashes.SHA256()), key)


def _self_signed(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = _common_name("Sandbox TLS CA")
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _TEN_YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(CA_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
