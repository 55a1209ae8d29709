"""Which IP addresses a certificate may carry: by network and by where they are reachable."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_network,
)
from typing import Final

from scm_api.core.errors import Fault
from scm_api.core.explain import handful, quoted

_ACCEPTED: Final = "an address of one host, not of a whole network or of a special range"
_NETWORKS_REMEMBERED: Final = 8_192

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class AddressClass(StrEnum):
    """Public: globally reachable by IANA's special-purpose registries (RFC 6890). Else private."""

    PUBLIC_IPV4 = "public_ipv4"
    PRIVATE_IPV4 = "private_ipv4"
    PUBLIC_IPV6 = "public_ipv6"
    PRIVATE_IPV6 = "private_ipv6"


def normalise_network(value: str, pointer: str) -> str | Fault:
    """One CIDR range without host bits, in its only spelling; else `address-not-allowed`."""
    try:
        return str(ip_network(value))
    except ValueError:
        detail = f"{quoted(value)} is not a network in CIDR form without host bits."
        return Fault(pointer, "address-not-allowed", detail, "10.0.0.0/8 or 2001:db8::/32")


@lru_cache(_NETWORKS_REMEMBERED)
def network(cidr: str) -> Network:
    """The network of a text from `normalise_network`."""
    return ip_network(cidr)


def class_of(address: Address) -> AddressClass:
    """An IPv6 address of 6to4 (RFC 3056) is as public as the IPv4 address inside it."""
    if isinstance(address, IPv4Address):
        return AddressClass.PUBLIC_IPV4 if address.is_global else AddressClass.PRIVATE_IPV4
    reachable: Address = address.sixtofour or address
    return AddressClass.PUBLIC_IPV6 if reachable.is_global else AddressClass.PRIVATE_IPV6


def range_faults(
    address: Address,
    classes: Iterable[AddressClass],
    allowed: Iterable[str],
    denied: Iterable[str],
    pointer: str,
) -> Iterator[Fault]:
    """Every rule about classes and networks that refuses the address; `address-not-allowed`."""
    code, permitted = "address-not-allowed", frozenset(classes)
    found = class_of(address)
    if found not in permitted:
        kind = found.replace("_ipv", " IPv")
        detail = f"A certificate of this profile carries no {kind} addresses, such as {address}."
        yield Fault(pointer, code, detail, ", ".join(sorted(permitted)) or "no address at all")
    for cidr in denied:
        if address in network(cidr):
            detail = f"{address} is in {cidr}, one of the profile's denied networks."
            yield Fault(pointer, code, detail, "addresses outside the denied networks")
            break
    networks = tuple(allowed)
    if address.is_unspecified or address.is_multicast:
        detail = f"{address} is not the address of one host."
        yield Fault(pointer, code, detail, _ACCEPTED)
    elif networks:
        if not any(_is_host_of(address, network(cidr)) for cidr in networks):
            detail = f"{address} is not the address of a host in the profile's networks."
            yield Fault(pointer, code, detail, handful(networks))
    elif address.is_loopback or address.is_link_local or address.is_reserved:
        detail = f"{address} is in a special range, which a profile must allow by network."
        yield Fault(pointer, code, detail, _ACCEPTED)


def _is_host_of(address: Address, around: Network) -> bool:
    """Whether the address lies in the network and is neither its first nor its broadcast one.

    RFC 3021: networks of two addresses have hosts only; RFC 4291 2.6.1: the first address of an
    IPv6 network means its routers, and there is no broadcast.
    """
    if address not in around or around.num_addresses <= 2:
        return address in around
    is_broadcast = around.version == 4 and address == around.broadcast_address
    return address != around.network_address and not is_broadcast
