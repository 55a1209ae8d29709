"""The domain policy of a profile: how it is written, what is checked, how it is kept."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from scm_api.core.addresses import AddressClass, normalise_network
from scm_api.core.domains import normalise_domain
from scm_api.core.errors import Fault
from scm_api.core.names import Name, normalise
from scm_api.core.uri_patterns import normalise_uri_pattern
from scm_api.core.vocabulary import CertificateType, NameKind
from scm_api.web.schemas import Input

# Lax, because JSON has no enumerations: strict models must still read the choice from text.
_AddressClass = Annotated[AddressClass, Field(strict=False)]


class DomainPolicy(Input):
    """Which names a certificate may carry.

    An organization must own every domain name as well, and the domain of every e-mail address
    and UPN; host names and IP addresses belong to nobody. What is denied stays denied, whatever
    else allows it.
    """

    fqdn: bool = Field(True, description="Fully qualified names, such as www.example.com.")
    host_name: bool = Field(False, description="Short names without a dot, such as mail.")
    ip_address: bool = Field(False, description="IPv4 and IPv6 addresses.")
    wildcard: bool = Field(False, description="Wildcards, such as *.example.com.")
    email: bool = Field(
        False, description="E-mail addresses; only for profiles of certificate type `client`."
    )
    upn: bool = Field(
        False,
        description="User principal names of Active Directory, such as jo@corp.example.com; only "
        "for profiles of certificate type `client`.",
    )
    public_domains: bool = Field(
        True, description="Names below a top-level domain of the public suffix list, such as .com."
    )
    internal_domains: bool = Field(
        True,
        description="Names below any other top-level domain, such as .local, .corp or .internal.",
    )
    underscores: bool = Field(
        False, description="DNS names with underscores, such as _sip.example.com."
    )
    homographs: bool = Field(
        False,
        description="Labels made only of Cyrillic, Greek or Armenian letters that look Latin. "
        "Labels that mix scripts are always refused.",
    )
    wildcard_depth: int | None = Field(
        None,
        ge=0,
        le=125,
        description="How many labels may stand between `*.` and the owned domain. With 0 the owner "
        "of `*.example.com` gets *.example.com, with 1 *.shop.example.com as well; null: any.",
        examples=[0],
    )
    address_classes: list[_AddressClass] = Field(
        list(AddressClass),
        min_length=1,
        max_length=len(AddressClass),
        description="Public addresses are those reachable from everywhere (RFC 6890).",
        examples=[["private_ipv4", "private_ipv6"]],
    )
    allowed_domains: list[str] = Field(
        [],
        max_length=500,
        description="Only these domains, if any are given; `*.example.com` covers every name "
        "below example.com but not example.com itself.",
        examples=[["example.com", "*.example.com"]],
    )
    denied_domains: list[str] = Field(
        [],
        max_length=500,
        description="None of these domains, written alike. A wildcard that would stand for a "
        "denied name is refused too.",
        examples=[["*.secret.example.com"]],
    )
    allowed_networks: list[str] = Field(
        [],
        max_length=500,
        description="Only addresses in these CIDR ranges, if any are given.",
        examples=[["10.0.0.0/8", "2001:db8::/32"]],
    )
    denied_networks: list[str] = Field(
        [],
        max_length=500,
        description="No addresses in these CIDR ranges.",
        examples=[["10.0.99.0/24"]],
    )
    allowed_uris: list[str] = Field(
        [],
        max_length=100,
        description="URIs of these schemes and hosts; none if the list is empty. "
        "`spiffe://*.example.com` covers every host below example.com. A host with a dot must "
        "be owned as well.",
        examples=[["spiffe://prod.example.com"]],
    )


def policy_faults(policy: DomainPolicy, certificate_type: CertificateType) -> Iterator[Fault]:
    """Everything that keeps the policy from meaning something."""
    for field, spell in _SPELLINGS.items():
        for index, value in enumerate(getattr(policy, field)):
            found = spell(value, f"/domain_policy/{field}/{index}")
            if isinstance(found, Fault):
                yield found
    for field in ("email", "upn"):
        if getattr(policy, field) and certificate_type is not CertificateType.CLIENT:
            detail = f"Certificates of type {certificate_type} carry no names of kind {field}."
            accepted = f"false, or the certificate type {CertificateType.CLIENT}"
            yield Fault(f"/domain_policy/{field}", "san-type-not-allowed", detail, accepted)


def kept(policy: DomainPolicy) -> dict[str, Any]:
    """A policy without faults as it is kept: every entry in its only spelling."""
    return policy.model_dump(mode="json") | {
        "address_classes": [each for each in AddressClass if each in policy.address_classes],
        **{
            field: [spell(value, "") for value in getattr(policy, field)]
            for field, spell in _SPELLINGS.items()
        },
    }


def _denied_domain(value: str, pointer: str) -> str | Fault:
    """One may deny what nobody could be allowed, such as `*.com`."""
    found = normalise(Name(NameKind.DNS, value), pointer)
    return found if isinstance(found, Fault) else found.value


_SPELLINGS: Final[Mapping[str, Callable[[str, str], str | Fault]]] = {
    "allowed_domains": normalise_domain,
    "denied_domains": _denied_domain,
    "allowed_networks": normalise_network,
    "denied_networks": normalise_network,
    "allowed_uris": normalise_uri_pattern,
}
