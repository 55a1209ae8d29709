"""A small domain and a desk with a real CA, for the servers that stand in front of a desk."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from scm_api.sandbox.microsoft.desk import ISSUED, PENDING, Reply
from scm_api.sandbox.microsoft.domain import Account, Domain, EnrollmentService, Template

CA_NAME = "Corp Issuing CA"
CA_HOST = "ca.corp.example"
CONTEXT = "DC=corp,DC=example"
PASSWORD = "Correct-Horse-9"
DOMAIN_SID = "S-1-5-21-1004336348-1177238915-682003330"
AGENTS = f"CN=Enrollment Staff,OU=Groups,{CONTEXT}"
INVALID_ARGUMENT, NO_REQUEST = 0x80070057, 0x80094002


class TinyDesk:
    """Issues to everybody, unless it is told that a manager has to look first."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, CA_NAME)])
        self.certificate = self._signed(name, self.key.public_key(), [])
        self.pends = False
        self.said = "Issued"
        self.received: list[tuple[str, str, str, bytes]] = []
        self.replies: list[Reply] = []

    def submit(self, caller: Account, authority: str, attributes: str, request: bytes) -> Reply:
        self.received.append((caller.sam, authority, attributes, request))
        if authority != CA_NAME:
            return Reply(0, INVALID_ARGUMENT, "The parameter is incorrect.")
        number = len(self.replies) + 1
        csr = x509.load_der_x509_csr(request)
        leaf = self._signed(csr.subject, csr.public_key(), list(csr.extensions))
        chain = (self.certificate.public_bytes(Encoding.DER),)
        reply = Reply(number, ISSUED, self.said, leaf.public_bytes(Encoding.DER), chain)
        if self.pends:
            reply = Reply(number, PENDING, "Taken Under Submission")
        self.replies.append(reply)
        return reply

    def retrieve(self, caller: Account, authority: str, request_id: int) -> Reply:  # noqa: ARG002 -- as desks are called
        if request_id > len(self.replies):
            return Reply(request_id, NO_REQUEST, "The request was not found.")
        return self.replies[request_id - 1]

    def _signed(self, subject: x509.Name, key: Any, extensions: list[Any]) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(
            issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, CA_NAME)]),
            subject_name=subject,
            public_key=key,
            serial_number=x509.random_serial_number(),
            not_valid_before=now,
            not_valid_after=now + timedelta(days=30),
        )
        for each in extensions:
            builder = builder.add_extension(each.value, each.critical)
        return builder.sign(self.key, hashes.SHA256())


def account(sam: str, rid: int, **changes: Any) -> Account:
    """A user below CN=Users, or a computer below CN=Computers."""
    place = "Computers" if sam.endswith("$") else "Users"
    dn = f"CN={sam.rstrip('$')},CN={place},{CONTEXT}"
    return Account(sam, PASSWORD, dn, f"{DOMAIN_SID}-{rid}", **changes)


@dataclass
class Estate:
    """A domain with its desk; `domain` may be exchanged while servers run."""

    desk: TinyDesk = field(default_factory=TinyDesk)
    domain: Domain = field(init=False)

    def __post_init__(self) -> None:
        der = self.desk.certificate.public_bytes(Encoding.DER)
        self.domain = Domain(
            realm="CORP.EXAMPLE",
            netbios="CORP",
            naming_context=CONTEXT,
            accounts=(
                account("svc-enroll", 1103, upn="svc-enroll@corp.example", groups=(AGENTS,)),
                account("ada", 1104, upn="ada@corp.example", mail="ada@corp.example"),
                account("gone", 1105, disabled=True),
                account("root", 1106, upn="root@corp.example", admin_count=True),
                account("web01$", 1107, dns_host_name="web01.corp.example"),
            ),
            templates=(
                template("WebServer", 1, 0x1, 0, enroll=(f"{DOMAIN_SID}-1103",)),
                template("UserEobo", 2, -0x5A000000, 1, enroll=(f"{DOMAIN_SID}-1103",)),
            ),
            services=(EnrollmentService(CA_NAME, CA_HOST, der, ("WebServer", "UserEobo")),),
        )


def template(
    name: str, number: int, name_flags: int, signatures: int, enroll: tuple[str, ...]
) -> Template:
    """A template of schema version 2; of those with a signature, by enrollment agents."""
    return Template(
        name=name,
        display_name=f"{name} (shown)",
        oid=f"1.3.6.1.4.1.311.21.8.1.{number}",
        schema_version=2,
        name_flags=name_flags,
        enrollment_flags=0x20 if signatures else 0,
        ra_signatures=signatures,
        ra_policies=("1.3.6.1.4.1.311.20.2.1",) if signatures else (),
        extended_key_usages=("1.3.6.1.5.5.7.3.1",),
        minimal_key_size=2048,
        validity_days=365,
        enroll=enroll,
    )
