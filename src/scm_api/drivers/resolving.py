"""From names of hosts to the addresses they lead to, each looked at before anything is sent there.

Look-ups run in threads of their own, one at a time for a host, so that a resolver that hangs for
the hosts of one CA keeps nobody else waiting.
"""

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

from scm_api.drivers.addresses import may_connect

PATIENCE: Final = 5.0  # seconds, after which nothing was sent
_HOSTS_AT_A_TIME: Final = 64
_threads = ThreadPoolExecutor(_HOSTS_AT_A_TIME, "resolve")
_Lookup = asyncio.Future[list[Any]]
_under_way: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Lookup]] = WeakKeyDictionary()


class ForbiddenAddress(OSError):
    """The name leads to an address this service does not use."""


async def checked_addresses(host: str, *, loopback: bool, patience: float = PATIENCE) -> list[str]:
    """The addresses of a host, all of which may be connected to.

    Connecting to these very ones, a name that changes its mind (DNS rebinding) gains nothing.
    `loopback` says that the URL itself names this machine. Raises ForbiddenAddress, or another
    OSError where there is no address, or none within `patience` seconds.
    """
    addresses = await _addresses_of(host, patience)
    for address in addresses:
        if not may_connect(address, loopback=loopback):
            raise ForbiddenAddress(
                f"{host} resolves to {address}, an address this service does not use"
            )
    return addresses


async def _addresses_of(host: str, patience: float) -> list[str]:
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        async with asyncio.timeout(patience):
            found = await asyncio.shield(_lookup_of(host))
    except TimeoutError as error:
        raise OSError(f"the address of {host} was not found in {patience:g} seconds") from error
    except (OSError, UnicodeError) as error:  # the latter of labels that are too long
        raise OSError(f"{host} has no address") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _lookup_of(host: str) -> _Lookup:
    """The look-up that is under way, or a new one; it goes on when whoever waits gives up."""
    loop = asyncio.get_running_loop()
    lookups = _under_way.setdefault(loop, {})
    if host not in lookups:
        asking = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
        lookups[host] = loop.run_in_executor(_threads, asking)
        lookups[host].add_done_callback(lambda done: _ended(lookups, host, done))
    return lookups[host]


def _ended(lookups: dict[str, _Lookup], host: str, done: _Lookup) -> None:
    del lookups[host]
    if not done.cancelled():
        done.exception()  # nobody may be left whom it could be told
