"""Which names one certificate may carry: judged against a profile and the owned domains."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from scm_api.core.csr import CsrFacts
from scm_api.core.domains import DomainSet, wildcard_fault
from scm_api.core.errors import Fault
from scm_api.core.explain import handful, quoted
from scm_api.core.names import Name, normalise
from scm_api.core.vocabulary import NameKind

_IA5_KINDS: Final = frozenset({NameKind.DNS, NameKind.EMAIL, NameKind.URI})
_NO_DOMAIN: Final = "none: the organization owns no domain yet"
_ADDRESS_ACCEPTED: Final = "an address of one host, not of a whole network or of a special range"


@dataclass(frozen=True, slots=True)
class DomainPolicy:
    """Which kinds of names a profile permits, and limits within the kinds.

    `allowed_domains` (spelled as by `core.domains.normalise_domain`) and `allowed_networks`
    (as by `normalise_network`) restrict further where they are not empty. An organization must
    own every name of two and more labels; host names and addresses belong to nobody.
    """

    fqdn: bool = True
    host_name: bool = False
    ip_address: bool = False
    wildcard: bool = False
    allowed_domains: tuple[str, ...] = ()
    allowed_networks: tuple[str, ...] = ()


def normalise_network(value: str, pointer: str) -> str | Fault:
    """One CIDR range without host bits, in its only spelling; else `address-not-allowed`."""
    try:
        return str(ip_network(value))
    except ValueError:
        detail = f"{quoted(value)} is not a network in CIDR form without host bits."
        return Fault(pointer, "address-not-allowed", detail, "10.0.0.0/8 or 2001:db8::/32")


def judge_names(
    policy: DomainPolicy,
    owned_domains: Iterable[str],
    facts: CsrFacts,
    asked_names: Sequence[Name] | None,
    *,
    csr_pointer: str = "/csr",
    names_pointer: str = "/names",
) -> tuple[list[Name], list[Fault]]:
    """The names the certificate would carry, normalised, and every fault of theirs.

    A CA takes the names from the CSR. `asked_names`, where given, must be the same set in any
    order. Codes: `name-invalid`, `name-duplicate`, `names-missing`, `names-differ` (once for
    each place), `cn-not-in-san`, `san-type-not-allowed`, `name-not-allowed`,
    `wildcard-not-allowed`, `address-not-allowed`.
    """
    carried, faults = _normalised((csr_pointer, _ia5(name, csr_pointer)) for name in facts.names)
    asked, more_faults = _normalised(
        (f"{names_pointer}/{index}", name) for index, name in enumerate(asked_names or ())
    )
    faults += more_faults
    if asked_names:
        faults += _difference_faults(carried, asked, csr_pointer, names_pointer)
    elif not facts.names:
        detail = "The CSR holds no subjectAltName, and nothing is made up from its subject."
        faults.append(Fault(csr_pointer, "names-missing", detail, "at least one DNS name"))
    faults += _common_name_faults(facts.common_names, carried, csr_pointer)
    rules = _Rules(policy, DomainSet.of(owned_domains), DomainSet.of(policy.allowed_domains))
    for name, pointer in {**carried, **asked}.items():
        faults += rules.faults(name, pointer)
    return list(carried), faults


def _ia5(name: Name, pointer: str) -> Name | Fault:
    """RFC 5280 section 4.2.1.6: these are ASCII; a CA would judge other octets than we do."""
    if name.kind not in _IA5_KINDS or name.value.isascii():
        return name
    detail = f"The CSR holds {name}, which is not ASCII."
    return Fault(pointer, "name-invalid", detail, "international names as xn-- labels")


def _normalised(
    placed: Iterable[tuple[str, Name | Fault]],
) -> tuple[dict[Name, str], list[Fault]]:
    """Each distinct name with the pointer to it, in order."""
    names: dict[Name, str] = {}
    faults: list[Fault] = []
    for pointer, given in placed:
        name = given if isinstance(given, Fault) else normalise(given, pointer)
        if isinstance(name, Fault):
            faults.append(name)
        elif name in names:
            detail = f"The name {name} is there more than once."
            faults.append(Fault(pointer, "name-duplicate", detail, "each name once"))
        else:
            names[name] = pointer
    return names, faults


def _difference_faults(
    carried: Iterable[Name], asked: Iterable[Name], csr_pointer: str, names_pointer: str
) -> Iterator[Fault]:
    in_csr, in_body = set(carried), set(asked)
    if in_csr == in_body:
        return
    parts = []
    if smuggled := sorted(map(str, in_csr - in_body)):
        parts.append(f"only the CSR holds {handful(smuggled)}")
    if missing := sorted(map(str, in_body - in_csr)):
        parts.append(f"the CSR does not hold {handful(missing)}")
    detail = f"The names asked for and those in the CSR differ: {'; '.join(parts)}."
    for pointer in (csr_pointer, names_pointer):
        yield Fault(pointer, "names-differ", detail, "the same names in both places")


def _common_name_faults(
    common_names: Iterable[str], carried: Iterable[Name], pointer: str
) -> Iterator[Fault]:
    names = set(carried)
    for common_name in common_names:
        name = normalise(Name(NameKind.IP, common_name))
        if isinstance(name, Fault):
            name = _ia5(Name(NameKind.DNS, common_name), pointer)
        if isinstance(name, Name):
            name = normalise(name, pointer)
        if isinstance(name, Fault):
            yield name
        elif name not in names:
            detail = f"The common name {quoted(common_name)} is not among the subjectAltNames."
            listed = handful(sorted(quoted(entry.value) for entry in names))
            yield Fault(pointer, "cn-not-in-san", detail, listed or "a CSR with subjectAltNames")


@dataclass(frozen=True, slots=True)
class _Rules:
    policy: DomainPolicy
    owned: DomainSet
    allowed: DomainSet

    def faults(self, name: Name, pointer: str) -> Iterator[Fault]:
        """Every rule that refuses this normalised name."""
        match name.kind:
            case NameKind.DNS:
                yield from self._kind_faults(name.value, pointer)
                yield from self._domain_faults(name.value, pointer)
            case NameKind.IP:
                yield from self._address_faults(ip_address(name.value), pointer)
            case _:
                detail = f"A certificate of this type cannot carry {name}."
                yield Fault(pointer, "san-type-not-allowed", detail, "names of kind dns and ip")

    def _kind_faults(self, domain: str, pointer: str) -> Iterator[Fault]:
        if domain.startswith("*."):
            if fault := wildcard_fault(domain, pointer):
                yield fault
            if not self.policy.wildcard:
                detail = f"The profile does not permit the wildcard name {quoted(domain)}."
                yield Fault(pointer, "wildcard-not-allowed", detail, self._kinds())
        elif "." in domain:
            if not self.policy.fqdn:
                detail = f"The profile does not permit the domain name {quoted(domain)}."
                yield Fault(pointer, "name-not-allowed", detail, self._kinds())
        elif not self.policy.host_name:
            detail = f"The profile does not permit the short host name {quoted(domain)}."
            yield Fault(pointer, "name-not-allowed", detail, self._kinds())

    def _kinds(self) -> str:
        policy = self.policy
        permitted = {
            "fully qualified domain names": policy.fqdn,
            "host names": policy.host_name,
            "IP addresses": policy.ip_address,
            "wildcard names": policy.wildcard,
        }
        return ", ".join(kind for kind, yes in permitted.items() if yes) or "no name at all"

    def _domain_faults(self, domain: str, pointer: str) -> Iterator[Fault]:
        if "." in domain and not self.owned.covers(domain):
            detail = f"No domain of the organization covers {quoted(domain)}."
            accepted = handful(self.owned.entries) or _NO_DOMAIN
            yield Fault(pointer, "name-not-allowed", detail, accepted)
        if self.allowed.entries and not self.allowed.covers(domain):
            detail = f"The profile's allowed domains do not cover {quoted(domain)}."
            yield Fault(pointer, "name-not-allowed", detail, handful(self.allowed.entries))

    def _address_faults(self, address: IPv4Address | IPv6Address, pointer: str) -> Iterator[Fault]:
        if not self.policy.ip_address:
            detail = f"The profile does not permit the IP address {address}."
            yield Fault(pointer, "address-not-allowed", detail, self._kinds())
        networks = self.policy.allowed_networks
        if address.is_unspecified or address.is_multicast:
            detail = f"{address} is not the address of one host."
            yield Fault(pointer, "address-not-allowed", detail, _ADDRESS_ACCEPTED)
        elif networks:
            if not any(_is_host_of(address, network) for network in networks):
                detail = f"{address} is not the address of a host in the profile's networks."
                yield Fault(pointer, "address-not-allowed", detail, handful(networks))
        elif address.is_loopback or address.is_link_local or address.is_reserved:
            detail = f"{address} is in a special range, which a profile must allow by network."
            yield Fault(pointer, "address-not-allowed", detail, _ADDRESS_ACCEPTED)


def _is_host_of(address: IPv4Address | IPv6Address, cidr: str) -> bool:
    """Whether the address lies in the network and is neither its first nor its broadcast one.

    RFC 3021: networks of two addresses have hosts only; RFC 4291 2.6.1: the first address of an
    IPv6 network means its routers, and there is no broadcast.
    """
    network = ip_network(cidr)
    if address not in network or network.num_addresses <= 2:
        return address in network
    is_broadcast = network.version == 4 and address == network.broadcast_address
    return address != network.network_address and not is_broadcast
