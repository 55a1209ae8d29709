"""Which addresses a driver may be pointed at, so that no option turns us into a proxy (SSRF).

Two checks are needed. `endpoint_objection` judges what an administrator typed; `may_connect`
judges what a name resolved to, at the moment of connecting, because it may resolve to something
else by then.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

_NEVER: Final = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("169.254.0.0/16"),  # link-local: instance metadata and container credentials
    IPv4Network("224.0.0.0/3"),  # multicast, reserved, broadcast
    IPv6Network("fe80::/10"),
    IPv6Network("ff00::/8"),
    IPv6Network("fd00:ec2::/32"),  # instance metadata of AWS over IPv6
    IPv6Network("fd20:ce::/32"),  # that of Google
)
_PORTS: Final = {"http": 80, "https": 443, "ldaps": 636}
_NUMERIC_LABEL = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)", re.IGNORECASE)


def is_loopback_host(host: str) -> bool:
    """Whether the host part of a URL names this machine without asking any resolver."""
    address = _literal(host)
    if address is not None:
        return address.is_loopback
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost")


def endpoint_objection(url: str) -> str | None:
    """Why `url` must not be used as a CA's endpoint, as a sentence; None when it may.

    Allowed are `https://host[:port]` and, for hosts on this machine only, `http://host[:port]`.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "It is not a URL."
    if not host or re.search(r"[^!-~]", url):
        return "It is not a URL of the form https://host or https://host:port."
    if parts.username is not None or parts.path not in {"", "/"} or parts.query or parts.fragment:
        return "It may have a host and a port, but no user, path, query or fragment."
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback_host(host)):
        return "It must begin with https://; http:// is allowed for this machine itself only."
    return _host_objection(host)


def destination(address: str) -> tuple[str, str, int | None]:
    """Where an allowed URL or host leads to, however it is spelled: scheme, host and port."""
    parts = urlsplit(address if "//" in address else f"//{address}")
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def may_connect(address: str, *, loopback: bool) -> bool:
    """Whether a connection to the resolved `address` is allowed.

    `loopback` says that the URL itself names this machine. Private ranges are allowed: that is
    where the interface endpoints of a private network live.
    """
    literal = _literal(address.partition("%")[0])
    if literal is None or any(literal in network for network in _NEVER):
        return False
    return loopback or not (literal.is_loopback or literal.is_unspecified)


def _host_objection(host: str) -> str | None:
    literal = _literal(host)
    if literal is None:
        if _NUMERIC_LABEL.fullmatch(host.rstrip(".").rpartition(".")[2]):
            return "Its host is a number that is no ordinary IP address."
        return None
    if literal.is_loopback:
        return None
    if not literal.is_global or not may_connect(str(literal), loopback=False):
        return "Link-local, private and reserved addresses are not allowed; use a host name."
    return None


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address a host is, with IPv4 taken out of an IPv6 address that wraps it."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address
