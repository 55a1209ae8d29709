"""What a CA itself may sign: the name constraints in its certificate (RFC 5280 section 4.2.1.10).

A verifier refuses what lies outside them, so it is refused before it is ordered.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from cryptography import x509

from scm_api.core.addresses import Network
from scm_api.core.errors import Fault
from scm_api.core.explain import handful, quoted
from scm_api.core.names import Name, ascii_lower, scheme_and_host
from scm_api.core.vocabulary import NameKind
from scm_api.core.x509_names import UNDECODABLE, UPN, subject_of

_CODE: Final = "name-constrained"
_CERTIFICATES_REMEMBERED: Final = 256

Subject = tuple[tuple[str, str], ...]
Subtree = str | Network | Subject
"""What a constraint says: text for DNS, e-mail and URI, a network, or a distinguished name."""


@dataclass(frozen=True, slots=True)
class NameConstraints:
    """The constraints of one CA; `ca` is its subject as RFC 4514 text."""

    ca: str
    permitted: tuple[tuple[NameKind, Subtree], ...]
    excluded: tuple[tuple[NameKind, Subtree], ...]


@lru_cache(_CERTIFICATES_REMEMBERED)
def constraints_of(pem: str) -> tuple[NameConstraints, ...] | None:
    """The constraints of every CA certificate in the text, in order; CAs without any are left out.

    None where a certificate or its constraints cannot be read.
    """
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
        return tuple(found for ca in certificates if (found := _constraints(ca)) is not None)
    except UNDECODABLE:
        return None


def judge_constraints(
    name: Name, constraints: Iterable[NameConstraints], pointer: str
) -> Iterator[Fault]:
    """One fault, `name-constrained`, for each rule of a CA that this normalised name breaks.

    Kinds of names that no policy permits are not judged again.
    """
    if name.kind not in _JUDGED:
        return
    for each in constraints:
        yield from _faults(str(name), name.kind, name.value, each, pointer)


def judge_subject(
    subject: Subject, constraints: Iterable[NameConstraints], pointer: str
) -> Iterator[Fault]:
    """The same for the subject as (dotted OID, text) pairs; an empty one is not constrained."""
    if not subject:
        return
    shown = f"the subject {quoted(_shown(subject))}"
    for each in constraints:
        yield from _faults(shown, NameKind.DIRECTORY, subject, each, pointer)


def _constraints(ca: x509.Certificate) -> NameConstraints | None:
    try:
        value = ca.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return None
    return NameConstraints(
        ca=ca.subject.rfc4514_string(),
        permitted=tuple(map(_subtree, value.permitted_subtrees or ())),
        excluded=tuple(map(_subtree, value.excluded_subtrees or ())),
    )


def _subtree(name: x509.GeneralName) -> tuple[NameKind, Subtree]:
    match name:
        case x509.DNSName(value=text):
            return NameKind.DNS, ascii_lower(text).removesuffix(".")
        case x509.RFC822Name(value=text):
            mailbox, at, domain = text.rpartition("@")
            return NameKind.EMAIL, mailbox + at + ascii_lower(domain)
        case x509.UniformResourceIdentifier(value=text):
            return NameKind.URI, ascii_lower(text)
        case x509.IPAddress(value=IPv4Network() | IPv6Network() as network):
            return NameKind.IP, network
        case x509.DirectoryName(value=subject):
            return NameKind.DIRECTORY, _folded(subject_of(subject))
        case x509.OtherName(type_id=oid) if oid == UPN:
            return NameKind.UPN, "a user principal name"
        case _:
            return NameKind.OTHER, "a kind that is never issued"


def _faults(
    shown: str, kind: NameKind, value: str | Subject, constraints: NameConstraints, pointer: str
) -> Iterator[Fault]:
    ca = quoted(constraints.ca)
    permitted = [subtree for of, subtree in constraints.permitted if of is kind]
    excluded = [subtree for of, subtree in constraints.excluded if of is kind]
    within = _WITHIN[kind]
    if permitted and not any(within(value, subtree, False) for subtree in permitted):
        detail = f"The name constraints of the CA {ca} do not permit {shown}."
        yield Fault(pointer, _CODE, detail, _listed(permitted))
    for subtree in excluded:
        if within(value, subtree, True):
            detail = f"The name constraints of the CA {ca} exclude {shown} by {_text(subtree)}."
            yield Fault(pointer, _CODE, detail, f"names outside {_listed(excluded)}")
            return


def _not_understood(_value: object, _subtree: object, excluding: bool) -> bool:
    """RFC 5280 gives UPNs no form of constraint: nothing is permitted, everything excluded."""
    return excluding


def _dns_within(value: str, subtree: str, excluding: bool) -> bool:
    """A name and every name below it. A leading dot, which RFC 5280 gives no meaning here, is read
    as "below only" where it permits and as if it were not there where it excludes.

    A wildcard is excluded already when one of the names it stands for is.
    """
    if excluding:
        subtree = subtree.removeprefix(".")
        if value.startswith("*.") and subtree.partition(".")[2] == value[2:]:
            return True
    if not subtree or value.endswith(subtree if subtree[0] == "." else f".{subtree}"):
        return True
    return value == subtree


def _email_within(value: str, subtree: str, _excluding: bool) -> bool:
    """One mailbox, all of one host, or with a leading dot all of the hosts below a domain."""
    if "@" in subtree:
        return value == subtree
    return _host_within(value.rpartition("@")[2], subtree)


def _uri_within(value: str, subtree: str, excluding: bool) -> bool:
    """By the host; a URI without a host name has to be refused (RFC 5280)."""
    _, host = scheme_and_host(value)
    if not host or ":" in host or host.rpartition(".")[2].isdigit():
        return excluding
    return _host_within(host, subtree)


def _host_within(host: str, subtree: str) -> bool:
    if subtree.startswith("."):
        return host.endswith(subtree)
    return not subtree or host == subtree


def _address_within(value: str, subtree: Network, _excluding: bool) -> bool:
    return ip_address(value) in subtree


def _directory_within(value: Subject, subtree: Subject, _excluding: bool) -> bool:
    """RFC 5280 section 7.1: the constraint's parts begin the name, letter case and blanks aside."""
    return _folded(value)[: len(subtree)] == subtree


def _folded(subject: Iterable[tuple[str, str]]) -> Subject:
    return tuple((oid, " ".join(value.split()).casefold()) for oid, value in subject)


_WITHIN: Final[dict[NameKind, Callable[..., bool]]] = {
    NameKind.DNS: _dns_within,
    NameKind.EMAIL: _email_within,
    NameKind.URI: _uri_within,
    NameKind.IP: _address_within,
    NameKind.UPN: _not_understood,
    NameKind.DIRECTORY: _directory_within,
}
_JUDGED: Final = _WITHIN.keys() - {NameKind.DIRECTORY}


def _listed(subtrees: Iterable[Subtree]) -> str:
    return handful(map(_text, subtrees))


def _text(subtree: Subtree) -> str:
    return quoted(_shown(subtree) if isinstance(subtree, tuple) else str(subtree))


def _shown(subject: Subject) -> str:
    return ", ".join(f"{oid}={value}" for oid, value in subject)
