"""Which names a profile permits: the policy as data, and every rule that refuses one name."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from scm_api.core.addresses import AddressClass, range_faults
from scm_api.core.domains import DomainSet, is_public_top_level, wildcard_fault
from scm_api.core.errors import Fault
from scm_api.core.explain import handful, quoted
from scm_api.core.names import Name, homograph_of_latin, scheme_and_host
from scm_api.core.vocabulary import NameKind

_NO_DOMAIN: Final = "none: the organization owns no domain yet"


@dataclass(frozen=True, slots=True)
class DomainPolicy:
    """Which kinds of names a profile permits, and limits within the kinds.

    Domains are spelled as by `core.domains.normalise_domain`, networks as by
    `core.addresses.normalise_network`, URIs as by `core.uri_patterns.normalise_uri_pattern`.
    Lists of what is allowed restrict further where they are not empty, except that no URI is
    permitted without `allowed_uris`; what is denied stays denied whatever allows it. An
    organization must own every name of two and more labels, and the domain of every address of
    a person; host names and IP addresses belong to nobody.

    `wildcard_depth` is how many labels may stand between `*.` and the owned domain, None any
    number. Internal domains are those below a top-level domain that is not in the public suffix
    list. `email` and `upn` are for certificates of persons. Defaults are what a profile stored
    before the field was there means.
    """

    fqdn: bool = True
    host_name: bool = False
    ip_address: bool = False
    wildcard: bool = False
    email: bool = False
    upn: bool = False
    public_domains: bool = True
    internal_domains: bool = True
    underscores: bool = False
    homographs: bool = False
    wildcard_depth: int | None = None
    address_classes: tuple[AddressClass, ...] = tuple(AddressClass)
    allowed_domains: tuple[str, ...] = ()
    denied_domains: tuple[str, ...] = ()
    allowed_networks: tuple[str, ...] = ()
    denied_networks: tuple[str, ...] = ()
    allowed_uris: tuple[str, ...] = ()


def for_public_trust(policy: DomainPolicy) -> DomainPolicy:
    """What is left of a policy where every browser trusts the certificate.

    CA/Browser Forum Baseline Requirements 4.2.2 and 7.1.2.7.12: no internal names, no reserved
    addresses, no underscores, no URIs.
    """
    public = (AddressClass.PUBLIC_IPV4, AddressClass.PUBLIC_IPV6)
    return replace(
        policy,
        host_name=False,
        internal_domains=False,
        underscores=False,
        address_classes=tuple(each for each in policy.address_classes if each in public),
        allowed_uris=(),
    )


class NameRules:
    """The rules of one profile for one organization, ready for many names."""

    def __init__(self, policy: DomainPolicy, owned_domains: Iterable[str]) -> None:
        self._policy = policy
        self._owned = DomainSet.of(owned_domains)
        self._allowed = DomainSet.of(policy.allowed_domains)
        self._denied = DomainSet.of(policy.denied_domains)
        self._uris = {
            scheme: DomainSet.of(host for other, _, host in patterns if other == scheme)
            for patterns in [[pattern.partition("://") for pattern in policy.allowed_uris]]
            for scheme, _, _ in patterns
        }

    def faults(self, name: Name, pointer: str) -> Iterator[Fault]:
        """Every rule that refuses this normalised name."""
        policy = self._policy
        match name.kind:
            case NameKind.DNS:
                yield from self._kind_faults(name.value, pointer)
                yield from self._domain_faults(name.value, pointer)
            case NameKind.IP:
                yield from self._address_faults(name.value, pointer)
            case NameKind.EMAIL if policy.email:
                yield from self._person_faults(name, pointer)
            case NameKind.UPN if policy.upn:
                yield from self._person_faults(name, pointer)
            case NameKind.URI if policy.allowed_uris:
                yield from self._uri_faults(name.value, pointer)
            case _:
                detail = f"A certificate of this profile cannot carry {name}."
                yield Fault(pointer, "san-type-not-allowed", detail, self._san_kinds())

    def _san_kinds(self) -> str:
        policy = self._policy
        more = {"email": policy.email, "upn": policy.upn, "uri": bool(policy.allowed_uris)}
        kinds = ["dns", "ip", *(kind for kind, yes in more.items() if yes)]
        return f"names of kind {', '.join(kinds[:-1])} and {kinds[-1]}"

    def _kind_faults(self, domain: str, pointer: str) -> Iterator[Fault]:
        if domain.startswith("*."):
            yield from self._wildcard_faults(domain, pointer)
        elif "." in domain:
            if not self._policy.fqdn:
                detail = f"The profile does not permit the domain name {quoted(domain)}."
                yield Fault(pointer, "name-not-allowed", detail, self._kinds())
        elif not self._policy.host_name:
            detail = f"A certificate of this profile cannot carry the host name {quoted(domain)}."
            yield Fault(pointer, "name-not-allowed", detail, self._kinds())

    def _wildcard_faults(self, domain: str, pointer: str) -> Iterator[Fault]:
        code, most = "wildcard-not-allowed", self._policy.wildcard_depth
        if fault := wildcard_fault(domain, pointer):
            yield fault
        if not self._policy.wildcard:
            detail = f"The profile does not permit the wildcard name {quoted(domain)}."
            yield Fault(pointer, code, detail, self._kinds())
        elif most is not None and (depth := self._owned.depth(domain) or 0) > most:
            detail = f"{quoted(domain)} stands {depth} labels below the owned domain."
            accepted = f"wildcards at most {most} labels below it" if most else "*. directly below"
            yield Fault(pointer, code, detail, accepted)

    def _kinds(self) -> str:
        policy = self._policy
        permitted = {
            "fully qualified domain names": policy.fqdn,
            "host names": policy.host_name,
            "IP addresses": policy.ip_address,
            "wildcard names": policy.wildcard,
        }
        return ", ".join(kind for kind, yes in permitted.items() if yes) or "no name at all"

    def _domain_faults(self, domain: str, pointer: str) -> Iterator[Fault]:
        """The rules for a DNS name, wherever it stands."""
        yield from self._spelling_faults(domain, pointer)
        if "." in domain:
            yield from self._ownership_faults(domain, pointer)
            yield from self._suffix_faults(domain, pointer)
        if self._allowed.entries and not self._allowed.covers(domain):
            detail = f"The profile's allowed domains do not cover {quoted(domain)}."
            yield Fault(pointer, "name-not-allowed", detail, handful(self._allowed.entries))
        yield from self._denial_faults(domain, pointer)

    def _spelling_faults(self, domain: str, pointer: str) -> Iterator[Fault]:
        if "_" in domain and not self._policy.underscores:
            detail = (
                f"{quoted(domain)} holds an underscore, which no host name may (RFC 1123 "
                "section 2.1), and a certificate of this profile cannot carry one."
            )
            yield Fault(pointer, "name-invalid", detail, "letters, digits and inner hyphens")
        if not self._policy.homographs and homograph_of_latin(domain):
            detail = (
                f"{quoted(domain)} has a label whose letters all look Latin but are not "
                "(UTS 39), and the profile does not permit homographs."
            )
            yield Fault(pointer, "name-invalid", detail, "labels that read as what they are")

    def _ownership_faults(self, domain: str, pointer: str) -> Iterator[Fault]:
        if not self._owned.covers(domain):
            detail = f"No domain of the organization covers {quoted(domain)}."
            accepted = handful(self._owned.entries) or _NO_DOMAIN
            yield Fault(pointer, "name-not-allowed", detail, accepted)

    def _suffix_faults(self, domain: str, pointer: str) -> Iterator[Fault]:
        suffix = domain.rpartition(".")[2]
        is_public = is_public_top_level(suffix)
        if is_public and not self._policy.public_domains:
            detail = (
                f"The profile permits internal names only; {quoted(domain)} is below .{suffix}."
            )
            yield Fault(pointer, "name-not-allowed", detail, "names below no public suffix")
        if not is_public and not self._policy.internal_domains:
            detail = (
                f"A certificate of this profile cannot carry the internal name {quoted(domain)}: "
                f".{suffix} is not in the public suffix list."
            )
            yield Fault(pointer, "name-not-allowed", detail, "names below a public suffix")

    def _denial_faults(self, domain: str, pointer: str) -> Iterator[Fault]:
        if self._denied.touches(domain):
            detail = f"The profile's denied domains include {quoted(domain)} or a name it covers."
            yield Fault(pointer, "name-not-allowed", detail, "names outside the denied domains")

    def _person_faults(self, name: Name, pointer: str) -> Iterator[Fault]:
        domain = name.value.rpartition("@")[2]
        yield from self._domain_faults(domain, pointer)
        if "." not in domain:
            yield from self._ownership_faults(domain, pointer)

    def _uri_faults(self, uri: str, pointer: str) -> Iterator[Fault]:
        scheme, host = scheme_and_host(uri)
        patterns = self._uris.get(scheme)
        if not host or patterns is None or not patterns.covers(host):
            detail = f"The profile's allowed URIs do not cover {quoted(uri)}."
            accepted = handful(self._policy.allowed_uris)
            yield Fault(pointer, "name-not-allowed", detail, accepted)
            return
        yield from self._spelling_faults(host, pointer)
        if "." in host:
            yield from self._ownership_faults(host, pointer)
            yield from self._suffix_faults(host, pointer)
        yield from self._denial_faults(host, pointer)

    def _address_faults(self, value: str, pointer: str) -> Iterator[Fault]:
        policy, address = self._policy, ip_address(value)
        if not policy.ip_address:
            detail = f"The profile does not permit the IP address {address}."
            yield Fault(pointer, "address-not-allowed", detail, self._kinds())
        yield from range_faults(
            address,
            policy.address_classes,
            policy.allowed_networks,
            policy.denied_networks,
            pointer,
        )


@lru_cache(64)
def rules_for(policy: DomainPolicy, owned_domains: tuple[str, ...]) -> NameRules:
    """The same rules again for who asks again: some organizations own thousands of domains."""
    return NameRules(policy, owned_domains)
