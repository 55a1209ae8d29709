"""The private CAs: what exists from the start, their keys and certificates, and their files."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from scm_api.sandbox.aws.catalogue import CATALOGUE, AuthoritySpec, KeyAlgorithm, Status
from scm_api.sandbox.own_keys import own_key
from scm_api.sandbox.state import StateError

AuthorityKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

CURVES: Mapping[str, type[ec.EllipticCurve]] = {
    "EC_prime256v1": ec.SECP256R1,
    "EC_secp384r1": ec.SECP384R1,
    "EC_secp521r1": ec.SECP521R1,
}
STATUSES: tuple[Status, ...] = get_args(Status)
BEFORE_ACTIVATION = ("CREATING", "PENDING_CERTIFICATE", "FAILED")


@dataclass
class Authority:
    """One private CA with its key. `chain` holds its parents, the issuer first."""

    arn: str
    region: str
    spec: AuthoritySpec
    key: AuthorityKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    status: Status
    created_at: float
    changed_at: float

    @cached_property
    def certificate_pem(self) -> str:
        return pem(self.certificate)

    @cached_property
    def chain_pem(self) -> str:
        """The parents, each signing the one before; empty for a root."""
        return "\n".join(pem(certificate) for certificate in self.chain)

    @cached_property
    def issued_chain_pem(self) -> str:
        """What follows a certificate this CA issued: the CA itself, then its parents."""
        return "\n".join(filter(None, (self.certificate_pem, self.chain_pem)))

    @cached_property
    def not_after(self) -> datetime:
        return self.certificate.not_valid_after_utc

    @cached_property
    def authority_key_identifier(self) -> x509.AuthorityKeyIdentifier:
        identifier = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier.value)

    @cached_property
    def path_length(self) -> int | None:
        constraints = self.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        return constraints.value.path_length

    def status_at(self, now: float) -> Status:
        """The status as Describe reports it: an active CA past its end has expired."""
        if self.status == "ACTIVE" and now > self.not_after.timestamp():
            return "EXPIRED"
        return self.status

    def describe(self, now: float) -> dict[str, Any]:
        """The CertificateAuthority structure of the API."""
        spec = self.spec
        described: dict[str, Any] = {
            "Arn": self.arn,
            "OwnerAccount": spec.owner_account,
            "CreatedAt": self.created_at,
            "LastStateChangeAt": self.changed_at,
            "Type": "SUBORDINATE" if self.chain else "ROOT",
            "Status": self.status_at(now),
            "CertificateAuthorityConfiguration": {
                "KeyAlgorithm": spec.key_algorithm,
                "SigningAlgorithm": spec.signing_algorithm,
                "Subject": {
                    "Country": "DE",
                    "Organization": "SCM Sandbox",
                    "CommonName": spec.common_name,
                },
            },
            "RevocationConfiguration": {
                "CrlConfiguration": {"Enabled": False},
                "OcspConfiguration": {"Enabled": False},
            },
            "KeyStorageSecurityStandard": "FIPS_140_2_LEVEL_3_OR_HIGHER",
            "UsageMode": spec.usage_mode,
        }
        if self.status not in BEFORE_ACTIVATION:
            described["Serial"] = str(self.certificate.serial_number)
            described["NotBefore"] = self.certificate.not_valid_before_utc.timestamp()
            described["NotAfter"] = self.not_after.timestamp()
        if self.status == "FAILED":
            described["FailureReason"] = "OTHER"
        return described


class Authorities:
    """All private CAs of one state directory, kept in `authorities.json`."""

    def __init__(self, path: Path, authorities: list[Authority]) -> None:
        self._path = path
        self._by_arn = {authority.arn: authority for authority in authorities}

    def __iter__(self) -> Iterator[Authority]:
        return iter(self._by_arn.values())

    def get(self, arn: str) -> Authority | None:
        return self._by_arn.get(arn)

    def by_id(self, authority_id: str) -> Authority | None:
        return next((a for a in self if a.spec.id == authority_id), None)

    def set_status(self, authority: Authority, status: Status, now: float) -> None:
        """Change a CA's status and keep the change. Raises OSError."""
        authority.status = status
        authority.changed_at = now
        self.save()

    def save(self) -> None:
        records = [_record(authority) for authority in self]
        draft = self._path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps({"authorities": records}, indent=1))
        draft.replace(self._path)


def open_authorities(path: Path, region: str, now: datetime) -> Authorities:
    """Load the CAs of a state directory, or create them at its first use.

    Raises StateError when the file is damaged or was made for another region.
    """
    if not path.exists():
        authorities = Authorities(path, _create(region, now))
        authorities.save()
        return authorities
    try:
        records = json.loads(path.read_text())["authorities"]
        loaded = [_from_record(record) for record in records]
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(f"{path} is damaged ({error}): move it away to start afresh.") from error
    home = next(a.region for a in loaded if not a.spec.other_region)
    if home != region:
        raise StateError(f"{path} was made for region {home}, not {region}.")
    return Authorities(path, loaded)


def pem(certificate: x509.Certificate) -> str:
    """PEM without the final newline, as the service sends it."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode().rstrip("\n")


def _create(region: str, now: datetime) -> list[Authority]:
    created: dict[str, Authority] = {}
    for spec in CATALOGUE:
        parent = created[spec.parent] if spec.parent else None
        key = _new_key(spec.key_algorithm)
        certificate = _certify(spec, key, parent, now)
        ca_region = spec.region(region)
        created[spec.id] = Authority(
            arn=spec.arn(region),
            region=ca_region,
            spec=spec,
            key=key,
            certificate=certificate,
            chain=(parent.certificate, *parent.chain) if parent else (),
            status=spec.status,
            created_at=now.timestamp(),
            changed_at=now.timestamp(),
        )
    return list(created.values())


def _new_key(algorithm: KeyAlgorithm) -> AuthorityKey:
    if algorithm.startswith("RSA_"):
        return rsa.generate_private_key(65537, int(algorithm.removeprefix("RSA_")))
    return ec.generate_private_key(CURVES[algorithm]())


def _certify(
    spec: AuthoritySpec, key: AuthorityKey, parent: Authority | None, now: datetime
) -> x509.Certificate:
    """The CA's own certificate, valid from a day ago so that no issued one begins earlier."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SCM Sandbox"),
            x509.NameAttribute(NameOID.COMMON_NAME, spec.common_name),
        ]
    )
    start = now.replace(microsecond=0) - timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(parent.certificate.subject if parent else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=365 * spec.years))
        .add_extension(x509.BasicConstraints(ca=True, path_length=spec.path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_CA_KEY_USAGE, critical=True)
    )
    if parent:
        builder = builder.add_extension(parent.authority_key_identifier, critical=False)
    return builder.sign(parent.key if parent else key, hashes.SHA256())


_CA_KEY_USAGE = x509.KeyUsage(
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


def _record(authority: Authority) -> dict[str, Any]:
    key = authority.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "id": authority.spec.id,
        "arn": authority.arn,
        "region": authority.region,
        "status": authority.status,
        "created_at": authority.created_at,
        "changed_at": authority.changed_at,
        "key": key.decode(),
        "certificates": [pem(c) for c in (authority.certificate, *authority.chain)],
    }


def _from_record(record: Mapping[str, Any]) -> Authority:
    spec = next((spec for spec in CATALOGUE if spec.id == record["id"]), None)
    if spec is None or record["status"] not in STATUSES:
        raise ValueError(f"unknown CA {record['id']} or status {record['status']}")
    key = own_key(record["key"].encode())
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise TypeError(f"CA {record['id']} has a key of an unknown kind")
    certificate, *chain = (
        x509.load_pem_x509_certificate(text.encode()) for text in record["certificates"]
    )
    return Authority(
        arn=record["arn"],
        region=record["region"],
        spec=spec,
        key=key,
        certificate=certificate,
        chain=tuple(chain),
        status=record["status"],
        created_at=float(record["created_at"]),
        changed_at=float(record["changed_at"]),
    )
