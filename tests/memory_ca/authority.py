"""A certificate authority in memory: it signs, keeps a ledger and revokes, for one process.

Whoever wants one makes it and puts it into AUTHORITIES; nothing in the service does.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from memory_ca.options import BACKDATING
from scm_api.core.names import Name
from scm_api.core.subjects import Subject
from scm_api.core.vocabulary import NameKind
from scm_api.core.x509_names import SECURITY_IDENTIFIER, UPN

USAGES: Final = {
    "server_auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "email_protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "code_signing": ExtendedKeyUsageOID.CODE_SIGNING,
}
_LIFE = timedelta(days=3650)
Fault = Literal["throttle", "fail", "lose", "hang", "break"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One order as the authority keeps it; `token` is the caller's own word for it, `account` whose
    names are taken from the directory in place of the CSR's."""

    token: str
    csr: x509.CertificateSigningRequest
    usages: Sequence[str]
    not_after: datetime
    account: str | None = None


@dataclass(slots=True)
class Entry:
    """One line of the ledger; `leaf` is None while the order waits for an operator, and for good
    once it is canceled."""

    wanted: Wanted
    leaf: x509.Certificate | None = None
    canceled: bool = False


@dataclass
class Authority:
    """One CA with a root and an issuing CA; `accounts` are names by password.

    Orders and revocations wait while `holding` is true, until `release`. `faults` are what happens
    to the next calls of a verb, one each; `hangs` is set once one of them gets no answer.
    `directory` are the accounts certificates can be made for, by name, but those that are
    `protected`; with `writes_sids` they carry the security identifier, as AD CS does it.
    """

    accounts: dict[str, str]
    name: str = "issuing"
    reachable: bool = True
    holding: bool = False
    ledger: dict[str, Entry] = field(default_factory=dict)
    revoked: dict[int, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    faults: dict[str, deque[Fault]] = field(default_factory=dict)
    hangs: asyncio.Event = field(default_factory=asyncio.Event)
    directory: dict[str, Subject] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)
    writes_sids: bool = True

    def __post_init__(self) -> None:
        self._root_key, self.root = _ca("Root in memory", None)
        self.renew()

    def renew(self) -> None:
        """Have the issuing CA go on with a new key, and a certificate for it."""
        self._key, self.issuing = _ca("Issuing CA in memory", (self._root_key, self.root))

    def order(self, wanted: Wanted) -> Entry:
        """Take an order. This CA knows no tokens: a repeat is a second order, and a ValueError."""
        if wanted.token in self.ledger:
            raise ValueError(f"ordered twice: {wanted.token}")
        entry = self.ledger[wanted.token] = Entry(wanted)
        if not self.holding:
            self._sign(entry)
        return entry

    def release(self) -> None:
        """The operator lets everything through that waits."""
        self.holding = False
        for entry in self.ledger.values():
            if entry.leaf is None and not entry.canceled:
                self._sign(entry)

    def next_fault(self, verb: str) -> Fault | None:
        """What is to happen to this call, if anything."""
        waiting = self.faults.get(verb)
        return waiting.popleft() if waiting else None

    def _sign(self, entry: Entry) -> None:
        wanted, now = entry.wanted, datetime.now(UTC)
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        usages = x509.ExtendedKeyUsage([USAGES[each] for each in wanted.usages])
        builder = (
            x509.CertificateBuilder()
            .subject_name(self._subject(wanted))
            .issuer_name(self.issuing.subject)
            .public_key(wanted.csr.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATING)
            .not_valid_after(min(wanted.not_after, self.issuing.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(authority_key, critical=False)
            .add_extension(usages, critical=False)
        )
        for extension, critical in self._names(wanted):
            builder = builder.add_extension(extension, critical)
        entry.leaf = builder.sign(self._key, hashes.SHA256())

    def _subject(self, wanted: Wanted) -> x509.Name:
        if wanted.account is None:
            return wanted.csr.subject
        common_name = self.directory[wanted.account].common_name
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])

    def _names(self, wanted: Wanted) -> Iterator[tuple[x509.ExtensionType, bool]]:
        if wanted.account is None:
            asked = wanted.csr.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            yield asked.value, asked.critical
            return
        known = self.directory[wanted.account]
        yield x509.SubjectAlternativeName([_general(name) for name in known.names]), False
        if self.writes_sids:
            sid = _other("1.3.6.1.4.1.311.25.2.1", 4, known.sid)
            octets = x509.SubjectAlternativeName([sid]).public_bytes()
            yield x509.UnrecognizedExtension(SECURITY_IDENTIFIER, octets), False


AUTHORITIES: Final[dict[str, Authority]] = {}
"""The authorities of this process by the name a connection gives."""


def _ca(
    name: str, above: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above[1].subject if above else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return key, builder.sign(above[0] if above else key, hashes.SHA256())


def _general(name: Name) -> x509.GeneralName:
    if name.kind is NameKind.UPN:
        return _other(UPN.dotted_string, 12, name.value)
    return x509.RFC822Name(name.value)


def _other(oid: str, tag: int, text: str) -> x509.OtherName:
    """An otherName around a short string of this universal type (X.690)."""
    octets = text.encode()
    return x509.OtherName(x509.ObjectIdentifier(oid), bytes([tag, len(octets)]) + octets)


def der(certificate: x509.Certificate) -> bytes:
    """The certificate as a CA sends it."""
    return certificate.public_bytes(Encoding.DER)
