"""How much one caller may ask for: token buckets, and which addresses are one caller."""

from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

_IPV6_PREFIX: Final = 64  # bits: whoever has one IPv6 address has all of such a network
_LONGEST_TEXT: Final = 64


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many tokens were left at `at` (seconds of a steady clock); below 0: owed."""

    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` tokens come back for good, and `burst` of them can be taken at once."""

    per_second: float
    burst: float

    def now_in(self, bucket: Bucket | None, now: float) -> Bucket:
        """The bucket with what came back until `now`; None is one that nobody took from."""
        if bucket is None:
            return Bucket(self.burst, now)
        back = max(0.0, now - bucket.at) * self.per_second
        return Bucket(min(self.burst, bucket.tokens + back), now)

    def wait(self, bucket: Bucket | None, now: float) -> float:
        """Seconds until a token can be taken; 0 where one is there."""
        return max(0.0, 1 - self.now_in(bucket, now).tokens) / self.per_second

    def take(self, bucket: Bucket | None, now: float) -> Bucket:
        """The bucket with one token less, though there may be none."""
        return Bucket(self.now_in(bucket, now).tokens - 1, now)


def one_caller(host: str) -> str:
    """What stands for everybody at the address a request came from.

    Of IPv6 that is the network of 64 bits, of IPv4, also mapped into IPv6, the address. What is no
    address, as a proxy may say, stands for itself.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host[:_LONGEST_TEXT]
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), _IPV6_PREFIX), strict=False))
