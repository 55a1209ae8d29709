"""Who the server is (a TLS certificate) and who calls it (a service account with a key)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError
from google.rpc import code_pb2

from scm_api.sandbox.gcp.catalogue import PROJECT, SERVICE_ACCOUNT
from scm_api.sandbox.gcp.errors import Refusal

AUDIENCE: Final = "https://privateca.googleapis.com/"
_TEN_YEARS: Final = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Identity:
    """`trust` is the file with the certificate clients are to trust, `service_account` the JSON of
    the key that the simulator takes tokens of."""

    trust: Path
    certificate: bytes
    key: bytes
    service_account: Path
    signer: bytes

    def require_token(self, metadata: Sequence[tuple[str, Any]] | None) -> None:
        """Self-signed tokens of the service account, for this service. Raises Refusal."""
        given = dict(metadata or ()).get("authorization", "")
        token = given.removeprefix("Bearer ")
        try:
            # google-auth has no types
            claims = jwt.decode(  # type: ignore[no-untyped-call]
                token, certs={"sandbox": self.signer}, clock_skew_in_seconds=10
            )
        except (GoogleAuthError, ValueError) as error:
            raise _unauthenticated() from error
        if claims.get("iss") != SERVICE_ACCOUNT or not _is_for_us(claims):
            raise _unauthenticated()


def _is_for_us(claims: Any) -> bool:
    """An audience for us, or the scope of the cloud platform."""
    scopes = str(claims.get("scope", "")).split()
    return claims.get("aud") == AUDIENCE or any("cloud-platform" in each for each in scopes)


def _unauthenticated() -> Refusal:
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential."
    )
    return Refusal(code_pb2.UNAUTHENTICATED, message)


def open_identity(directory: Path, host: str) -> Identity:
    """The identity kept in a directory, made on the first start."""
    trust, key = directory / "server.pem", directory / "server.key"
    account, signer = directory / "service-account.json", directory / "service-account.pem"
    if not signer.exists():
        _make_server(trust, key, host)
        _make_account(account, signer)
    return Identity(trust, trust.read_bytes(), key.read_bytes(), account, signer.read_bytes())


def _make_server(trust: Path, key_file: Path, host: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    try:
        names.append(x509.IPAddress(ip_address(host)))
    except ValueError:
        names.append(x509.DNSName(host))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _TEN_YEARS)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(key_file, _pem(key))
    _write(trust, certificate.public_bytes(serialization.Encoding.PEM))


def _make_account(account: Path, signer: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    content = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "sandbox",
        "private_key": _pem(key).decode(),
        "client_email": SERVICE_ACCOUNT,
        "client_id": "100000000000000000001",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    _write(account, json.dumps(content, indent=1).encode())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write(signer, public)


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
