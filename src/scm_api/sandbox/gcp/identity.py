"""Who the server is (a TLS certificate) and who calls it (service accounts with a key)."""

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

from scm_api.sandbox.gcp.catalogue import OTHER_ACCOUNT, PROJECT, SERVICE_ACCOUNT
from scm_api.sandbox.gcp.errors import Refusal

AUDIENCE: Final = "https://privateca.googleapis.com/"
_TEN_YEARS: Final = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Identity:
    """`trust` is the file with the certificate clients are to trust, `service_account`
    the JSON of a key that the simulator takes tokens of, as it does of another account beside it;
    `signers` has the public keys by the accounts' names."""

    trust: Path
    certificate: bytes
    key: bytes
    service_account: Path
    signers: dict[str, bytes]

    def require_token(self, metadata: Sequence[tuple[str, Any]] | None) -> str:
        """Self-signed tokens of a service account, for this service; returns its name.

        Raises Refusal.
        """
        given = dict(metadata or ()).get("authorization", "")
        token = given.removeprefix("Bearer ")
        try:
            # google-auth has no types
            claims = jwt.decode(  # type: ignore[no-untyped-call]
                token, certs=self.signers, clock_skew_in_seconds=10
            )
            key_id = jwt.decode_header(token)["kid"]  # type: ignore[no-untyped-call]
        except (GoogleAuthError, ValueError, KeyError) as error:
            raise _unauthenticated() from error
        # Keys have the names of their accounts as ids: nobody signs for another one.
        if claims.get("iss") != key_id or not _is_for_us(claims):
            raise _unauthenticated()
        return str(key_id)


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
    accounts = {
        SERVICE_ACCOUNT: directory / "service-account.json",
        OTHER_ACCOUNT: directory / "other-account.json",
    }
    if not key.exists():
        _make_server(trust, key, host)
    for name, file in accounts.items():
        if not file.with_suffix(".pem").exists():
            _make_account(name, file)
    signers = {name: file.with_suffix(".pem").read_bytes() for name, file in accounts.items()}
    own = accounts[SERVICE_ACCOUNT]
    return Identity(trust, trust.read_bytes(), key.read_bytes(), own, signers)


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


def _make_account(name: str, file: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    content = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": name,
        "private_key": _pem(key).decode(),
        "client_email": name,
        "client_id": "100000000000000000001",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    _write(file, json.dumps(content, indent=1).encode())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write(file.with_suffix(".pem"), public)


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
