"""Finding out whom a name leads to, before anything is sent there: for libraries that connect by
themselves and say little about why they could not."""

import asyncio
import socket
import ssl

from scm_api.drivers.addresses import may_connect


class ForbiddenAddress(OSError):
    """The name leads to an address this service does not use."""


async def checked_addresses(host: str, port: int, *, loopback: bool) -> list[str]:
    """The addresses of a host, all of which may be connected to.

    `loopback` says that the URL itself names this machine. Raises ForbiddenAddress, or another
    OSError where there is no address.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(address[0]) for *_, address in found]
    for address in addresses:
        if not may_connect(address, loopback=loopback):
            raise ForbiddenAddress(
                f"{host} resolves to {address}, an address this service does not use"
            )
    return addresses


async def first_trusted(
    addresses: list[str], host: str, port: int, context: ssl.SSLContext, patience: float
) -> str:
    """The first of the addresses where somebody listens, who must be `host` by `context`.

    Connects, verifies and hangs up. Raises ssl.SSLError for whom is not trusted, and another
    OSError where nobody answers.
    """
    last: OSError = OSError("there is no address")
    for address in addresses:
        try:
            async with asyncio.timeout(patience):
                _, writer = await asyncio.open_connection(
                    address, port, ssl=context, server_hostname=host
                )
        except ssl.SSLError:
            raise
        except OSError as error:  # a timeout is one as well
            last = OSError(str(error) or f"{address} does not answer")
            continue
        writer.transport.abort()
        return address
    raise last
