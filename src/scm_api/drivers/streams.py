"""TCP and TLS streams to the servers of a CA that speak no HTTP, to checked addresses only."""

import asyncio
import socket
import ssl

from scm_api.drivers.addresses import is_loopback_host, may_connect
from scm_api.drivers.errors import BackendRefused, BackendUnavailable

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_stream(host: str, port: int, context: ssl.SSLContext | None = None) -> Stream:
    """Connect to the very address that was checked (DNS rebinding gains nothing).

    Raises BackendRefused for an address we do not use and a certificate we do not trust, else
    BackendUnavailable. The caller sets the deadline.
    """
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise BackendUnavailable(f"{host} has no address.") from error
    last: Exception | None = None
    for *_, address in found:
        if not may_connect(str(address[0]), loopback=is_loopback_host(host)):
            detail = f"{host} resolves to {address[0]}, an address this service does not use."
            raise BackendRefused(detail)
        try:
            return await asyncio.open_connection(
                str(address[0]), port, ssl=context, server_hostname=host if context else None
            )
        except ssl.SSLCertVerificationError as error:
            detail = f"The certificate of {host} is not trusted: {error.verify_message}."
            raise BackendRefused(detail) from error
        except OSError as error:
            last = error
    raise BackendUnavailable(f"{host}, port {port}, cannot be reached: {last}.") from last
