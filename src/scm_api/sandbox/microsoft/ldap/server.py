"""The listener, over TLS or in clear."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Final, Self

from scm_api.sandbox.microsoft.around import Around, Severed, plainly, reset
from scm_api.sandbox.microsoft.kerberos import Tickets
from scm_api.sandbox.microsoft.ldap.ber import BerError
from scm_api.sandbox.microsoft.ldap.connection import Connection
from scm_api.sandbox.microsoft.ldap.settings import CallLog, DirectoryCall, LdapBehaviour
from scm_api.sandbox.microsoft.ldap.shared import Served
from scm_api.sandbox.microsoft.security.contexts import DomainSource, LogonError

_MOST_CONNECTIONS: Final = 256


class RunningLdap:
    """A server that listens. Use as an async context manager or call `aclose`."""

    def __init__(self, served: Served, bindings: bytes | None) -> None:
        self._served = served
        self._bindings = bindings
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        """Raises OSError."""
        self._server = await asyncio.start_server(self._connected, host, port, ssl=context)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def aclose(self) -> None:
        """End all connections and stop listening."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._tasks) >= _MOST_CONNECTIONS:
            writer.close()
            return
        self._tasks.add(task)
        try:
            await Connection(reader, writer, self._served, self._bindings).serve()
        except Severed as severed:
            if severed.with_reset:
                reset(writer)
        except (BerError, LogonError, EOFError, TimeoutError, OSError, asyncio.CancelledError):
            pass  # whatever it was, the connection ends
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def serve_ldap(
    domain_source: DomainSource,
    host: str,
    port: int = 0,
    ssl_context: ssl.SSLContext | None = None,
    *,
    dns_host_name: str,
    end_point: bytes = b"",
    behaviour: Callable[[], LdapBehaviour] = LdapBehaviour,
    around: Around = plainly,
    log: CallLog | None = None,
    tickets: Tickets | None = None,
) -> RunningLdap:
    """Serve the directory; LDAPS with a context, else LDAP in clear. Port 0 takes a free one.

    `dns_host_name` is the domain controller's, `end_point` the `tls-server-end-point` bindings of
    its certificate (RFC 5929). `behaviour` is asked at every use, `around` stands around `bind` and
    `search` and may raise LdapRefusal, `log` hears of both;
    with `tickets` Kerberos is taken. Raises OSError.
    """

    def no_log(_: DirectoryCall) -> None:
        return

    served = Served(domain_source, dns_host_name, behaviour, around, log or no_log, tickets)
    running = RunningLdap(served, end_point if ssl_context else None)
    await running.open(host, port, ssl_context)
    return running
