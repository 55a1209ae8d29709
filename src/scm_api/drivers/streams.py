"""TCP and TLS streams to the servers of a CA that speak no HTTP, to checked addresses only."""

import asyncio
import ssl

from scm_api.drivers.addresses import is_loopback_host
from scm_api.drivers.errors import BackendRefused, BackendUnavailable
from scm_api.drivers.resolving import ForbiddenAddress, checked_addresses

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_stream(host: str, port: int, context: ssl.SSLContext | None = None) -> Stream:
    """Connect to the very address that was checked (DNS rebinding gains nothing).

    Raises BackendRefused for an address we do not use and a certificate we do not trust, else
    BackendUnavailable. The caller sets the deadline.
    """
    try:
        found = await checked_addresses(host, loopback=is_loopback_host(host))
    except ForbiddenAddress as error:
        raise BackendRefused(f"{error}.") from error
    except OSError as error:
        raise BackendUnavailable(f"{error}.") from error
    last: Exception | None = None
    for address in found:
        try:
            return await asyncio.open_connection(
                address, port, ssl=context, server_hostname=host if context else None
            )
        except ssl.SSLCertVerificationError as error:
            detail = f"The certificate of {host} is not trusted: {error.verify_message}."
            raise BackendRefused(detail) from error
        except OSError as error:
            last = error
    raise BackendUnavailable(f"{host}, port {port}, cannot be reached: {last}.") from last
