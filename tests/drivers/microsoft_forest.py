"""A small forest with its domain controller and its CA, as the driver's parts meet them."""

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from csrs import Key
from scm_api.drivers.microsoft.ports import TemplateRecord
from scm_api.drivers.windows.accounts import AccountRecord
from scm_api.drivers.windows.logon import end_point
from scm_api.sandbox.microsoft.desk import ISSUED, PENDING, Reply
from scm_api.sandbox.microsoft.domain import (
    Account,
    Domain,
    EnrollmentService,
    Group,
    Template,
)

CA_NAME = "Corp Issuing CA"
CA_HOST = "ca.corp.example"
CONTEXT = "DC=corp,DC=example"
PASSWORD = "Correct-Horse-9"
SID = "S-1-5-21-1004336348-1177238915-682003330"
AGENT_POLICY = "1.3.6.1.4.1.311.20.2.1"
DENIED_BY_MANAGER = 0x80094014


def certificate(
    name: str,
    key: Key,
    *extensions: x509.ExtensionType,
    issuer: tuple[x509.Certificate, Key] | None = None,
    days: tuple[int, int] = (-1, 30),
) -> x509.Certificate:
    """Signed by itself, or by `issuer`; `days` from now it is valid."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=issuer[0].subject if issuer else subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now + timedelta(days[0]),
        not_valid_after=now + timedelta(days[1]),
    )
    for each in extensions:
        builder = builder.add_extension(each, critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256())


def pem(key: Key) -> str:
    """The key as PEM without a password."""
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key.private_bytes(*form).decode()


class Tls:
    """A server's certificate for this machine, its context and that of who trusts it."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        made = certificate("localhost", key, names)
        der = made.public_bytes(Encoding.DER)
        (folder / "tls.pem").write_text(pem(key) + made.public_bytes(Encoding.PEM).decode())
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(folder / "tls.pem")
        self.client = ssl.create_default_context(cadata=der)
        self.end_point = end_point(der)


def record(**changes: Any) -> TemplateRecord:
    """A template that is right for TLS servers with names from the CSR."""
    fields: dict[str, Any] = {
        "name": "WebServer",
        "display_name": "Web Server",
        "schema_version": 2,
        "name_flags": 0x1,
        "enrollment_flags": 0,
        "general_flags": 0x40,
        "ra_signatures": 0,
        "ra_policies": (),
        "extended_key_usages": ("1.3.6.1.5.5.7.3.1",),
        "minimal_key_size": 2048,
        "validity_days": 365.0,
        "may_enroll": True,
    }
    return TemplateRecord(**(fields | changes))


def for_people(**changes: Any) -> TemplateRecord:
    """A template whose names come from Active Directory, for an enrollment agent."""
    fields = {
        "name": "UserEobo",
        "name_flags": 0xA6000000,
        "general_flags": 0,
        "ra_signatures": 1,
        "ra_policies": (AGENT_POLICY,),
        "extended_key_usages": ("1.3.6.1.5.5.7.3.2",),
    }
    return record(**(fields | changes))


def person(**changes: Any) -> AccountRecord:
    """An account as a directory tells it."""
    fields: dict[str, Any] = {
        "account": "CORP\\ada",
        "distinguished_name": f"CN=ada,CN=Users,{CONTEXT}",
        "sid": f"{SID}-1104",
        "upn": "ada@corp.example",
        "mail": "ada@corp.example",
        "dns_host_name": None,
        "common_name": "ada",
        "disabled": False,
        "protected": False,
        "groups": frozenset(),
    }
    return AccountRecord(**(fields | changes))


class Desk:
    """A CA that issues everything, unless told to wait or to deny."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = certificate(CA_NAME, self.key)
        self.received: list[tuple[str, str, bytes]] = []
        self.pends = self.denies = False
        self.leaf = b""

    def submit(self, caller: Account, authority: str, attributes: str, request: bytes) -> Reply:
        self.received.append((caller.sam, attributes, request))
        if authority != CA_NAME:
            return Reply(0, 0x80070057, "The parameter is incorrect.")
        if self.denies:
            return Reply(7, DENIED_BY_MANAGER, "Denied by a manager")
        csr = x509.load_der_x509_csr(request)
        made = certificate("leaf", self.key, issuer=(self.certificate, self.key))
        builder = x509.CertificateBuilder(
            made.issuer,
            csr.subject,
            csr.public_key(),
            made.serial_number,
            made.not_valid_before_utc,
            made.not_valid_after_utc,
            list(csr.extensions),
        )
        self.leaf = builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)
        return Reply(7, PENDING, "Taken Under Submission") if self.pends else self._issued()

    def retrieve(self, _caller: Account, _authority: str, request_id: int) -> Reply:
        if request_id != 7:
            return Reply(request_id, 0x80094002, "The request was not found.")
        return self._issued()

    def _issued(self) -> Reply:
        return Reply(7, ISSUED, "Issued", self.leaf, (self.certificate.public_bytes(Encoding.DER),))


def _account(sam: str, number: int, **changes: Any) -> Account:
    dn = f"CN={sam.rstrip('$')},CN=Users,{CONTEXT}"
    return Account(sam, PASSWORD, dn, f"{SID}-{number}", **changes)


def _template(name: str, **changes: Any) -> Template:
    fields: dict[str, Any] = {
        "display_name": f"{name} (shown)",
        "oid": "1.3.6.1.4.1.311.21.8.1.1",
        "schema_version": 2,
        "name_flags": 0x1,
        "enrollment_flags": 0,
        "ra_signatures": 0,
        "ra_policies": (),
        "extended_key_usages": ("1.3.6.1.5.5.7.3.1",),
        "minimal_key_size": 2048,
        "validity_days": 365,
        "enroll": (f"{SID}-1200",),
    }
    return Template(name=name, **(fields | changes))


@dataclass
class Forest:
    """The domain CORP with one CA; people are in `staff`, which is in nothing."""

    desk: Desk = field(default_factory=Desk)
    staff: str = f"CN=Staff,CN=Users,{CONTEXT}"
    domain: Domain = field(init=False)

    def __post_init__(self) -> None:
        der = self.desk.certificate.public_bytes(Encoding.DER)
        twin = f"CN=twin,OU=Other,{CONTEXT}"
        self.domain = Domain(
            realm="CORP.EXAMPLE",
            netbios="CORP",
            naming_context=CONTEXT,
            accounts=(
                _account("svc-enroll", 1103, upn="svc@corp.example", groups=(self.staff,)),
                _account("ada", 1104, upn="ada@corp.example", mail="ada@corp.example",
                         groups=(self.staff,)),
                _account("gone", 1105, disabled=True),
                _account("root", 1106, admin_count=True),
                _account("web01$", 1107, dns_host_name="web01.corp.example"),
                _account("eve", 1108, upn="shared@corp.example"),
                Account("twin", PASSWORD, twin, f"{SID}-1109", upn="shared@corp.example"),
                _account("mallory", 1110, upn="gone@corp.example"),
            ),
            templates=(
                _template("WebServer"),
                _template("UserEobo", name_flags=-0x5A000000, ra_signatures=1,
                          ra_policies=(AGENT_POLICY,), enroll=(f"{SID}-9999",)),
            ),
            services=(EnrollmentService(CA_NAME, CA_HOST, der, ("WebServer",)),),
            groups=(Group("Staff", self.staff, f"{SID}-1200"),),
        )  # fmt: skip
