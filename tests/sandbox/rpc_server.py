"""The endpoint mapper and ICPR, running for a test."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from microsoft_domain import CA_HOST, Estate
from rpc_client import ICPR, Rpc

from csrs import csr_for
from loop_thread import LoopThread
from scm_api.sandbox.microsoft.rpc import RpcBehaviour, RunningRpc, serve_rpc

WWW = "www.corp.example"
ATTRIBUTES = "CertificateTemplate:WebServer"


class Server:
    """A running server and what a test may do to it."""

    def __init__(self, loop: LoopThread) -> None:
        self.loop = loop
        self.estate = Estate()
        self.behaviour = RpcBehaviour()
        self.called: list[tuple[str, str]] = []
        self.script: dict[str, Exception] = {}
        self.rpc: RunningRpc = loop.run(
            serve_rpc(
                self.estate.desk,
                lambda: self.estate.domain,
                "127.0.0.1",
                dns_host_name=CA_HOST,
                behaviour=lambda: self.behaviour,
                around=self._around,
            )
        )
        self.clients: list[Rpc] = []

    async def _around(self, operation: str, account: str, act: Callable[[], Any], /) -> Any:
        await asyncio.sleep(0)
        self.called.append((operation, account))
        if error := self.script.pop(f"before {operation}", None):
            raise error
        answer = act()
        if error := self.script.pop(f"after {operation}", None):
            raise error
        return answer

    def client(self, port: int | None = None) -> Rpc:
        client = Rpc(port or self.rpc.icpr_port)
        self.clients.append(client)
        return client

    def bound(self, **how: object) -> Rpc:
        client = self.client()
        assert client.bind(ICPR, **({"level": 6} | how)) == (0, 0)  # type: ignore[arg-type]
        return client

    def close(self) -> None:
        for each in self.clients:
            each.close()
        self.loop.run(self.rpc.aclose())


@contextmanager
def serving() -> Iterator[Server]:
    """A new domain's CA by RPC."""
    with LoopThread() as loop:
        running = Server(loop)
        yield running
        running.close()


def csr(*names: str) -> bytes:
    """A request for these names, in DER."""
    request = x509.load_pem_x509_csr(csr_for(*(names or (WWW,))).encode())
    return request.public_bytes(Encoding.DER)
