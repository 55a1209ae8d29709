"""The listeners: an endpoint mapper and ICPR on a port of its own."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Sequence
from typing import Final, Self

from scm_api.sandbox.microsoft.around import Around, Severed, plainly, reset
from scm_api.sandbox.microsoft.desk import Desk
from scm_api.sandbox.microsoft.kerberos import Keytab
from scm_api.sandbox.microsoft.rpc.connection import Connection
from scm_api.sandbox.microsoft.rpc.epm import EndpointMapper
from scm_api.sandbox.microsoft.rpc.faults import ProtocolError
from scm_api.sandbox.microsoft.rpc.icpr import ICPR, CertificatePassage
from scm_api.sandbox.microsoft.rpc.interfaces import Interface, Syntax
from scm_api.sandbox.microsoft.rpc.protection import NewAcceptor
from scm_api.sandbox.microsoft.rpc.settings import RpcBehaviour
from scm_api.sandbox.microsoft.security.contexts import Acceptor, DomainSource
from scm_api.sandbox.microsoft.security.gss import DceKerberosAcceptor
from scm_api.sandbox.microsoft.security.negotiation import KERBEROS, NTLM, NegotiateAcceptor
from scm_api.sandbox.microsoft.security.ntlm import NtlmAcceptor

_SPNEGO: Final = 9
_BARE: Final = {10: NTLM, 16: KERBEROS[0]}
_MOST_CONNECTIONS: Final = 256


class _Listener:
    """One port with its connections."""

    def __init__(self, interfaces: Sequence[Interface], new_acceptor: NewAcceptor) -> None:
        self._interfaces = interfaces
        self._new_acceptor = new_acceptor
        self._groups = itertools.count(0x1000)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._host = ""
        self.port = 0

    async def open(self, host: str, port: int) -> None:
        """Raises OSError."""
        self._host = host
        self._server = await asyncio.start_server(self._connected, host, port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def open_again(self) -> None:
        """On the same port; does nothing while it is open."""
        if self._server is None:
            await self.open(self._host, self.port)

    async def close(self) -> None:
        """Refuse connections, and end those that are there."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._tasks) >= _MOST_CONNECTIONS:
            writer.close()
            return
        self._tasks.add(task)
        group = next(self._groups)
        try:
            connection = Connection(reader, writer, self._interfaces, self._new_acceptor, group)
            await connection.serve()
        except Severed as severed:
            if severed.with_reset:
                reset(writer)
        except (ProtocolError, EOFError, TimeoutError, OSError, asyncio.CancelledError):
            pass  # whatever it was, the connection ends
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class RunningRpc:
    """Both ports. Use as an async context manager or call `aclose`."""

    def __init__(self, mapper: _Listener, passage: _Listener) -> None:
        self._mapper = mapper
        self._passage = passage

    @property
    def epm_port(self) -> int:
        """Where the endpoint mapper listens."""
        return self._mapper.port

    @property
    def icpr_port(self) -> int:
        """Where ICPR listens."""
        return self._passage.port

    async def stop_icpr(self) -> None:
        """What Windows calls "RPC server unavailable": the mapper points at a closed port."""
        await self._passage.close()

    async def start_icpr(self) -> None:
        """Listen on the same port again. Raises OSError."""
        await self._passage.open_again()

    async def aclose(self) -> None:
        """End all connections and stop listening."""
        await self._mapper.close()
        await self._passage.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def serve_rpc(
    desk: Desk,
    domain_source: DomainSource,
    host: str,
    port: int = 0,
    epm_port: int = 0,
    *,
    dns_host_name: str,
    behaviour: Callable[[], RpcBehaviour] = RpcBehaviour,
    around: Around = plainly,
    keytab: Keytab | None = None,
) -> RunningRpc:
    """Serve ICPR on `port` and the endpoint mapper on `epm_port`; 0 takes a free one.

    `dns_host_name` is what the CA's machine calls itself. `behaviour` is asked at every use,
    `around` stands around `ept_map`, `submit` and `retrieve` and may raise RpcFault. Raises
    OSError.
    """

    def new_acceptor(mechanism: int) -> Acceptor | None:
        offered: dict[str, Callable[[], Acceptor]] = {}
        if behaviour().allows_ntlm:
            offered[NTLM] = lambda: NtlmAcceptor(domain_source, dns_host_name)
        if keytab is not None:
            offered |= dict.fromkeys(KERBEROS, lambda: DceKerberosAcceptor(domain_source, keytab))
        if mechanism in _BARE:
            return offered[_BARE[mechanism]]() if _BARE[mechanism] in offered else None
        return NegotiateAcceptor(offered) if mechanism == _SPNEGO else None

    passage = _Listener([CertificatePassage(desk, behaviour, around)], new_acceptor)

    def endpoint(interface: Syntax) -> int | None:
        is_here = interface == ICPR and behaviour().offers_icpr
        return passage.port if is_here else None

    mapper = _Listener([EndpointMapper(endpoint, around)], new_acceptor)
    try:
        await passage.open(host, port)
        await mapper.open(host, epm_port)
    except BaseException:
        await passage.close()
        raise
    return RunningRpc(mapper, passage)
