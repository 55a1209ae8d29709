"""Finding out who is at an address, before anything is sent there: for libraries that connect by
themselves and say little about why they could not."""

import asyncio
import ssl


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
