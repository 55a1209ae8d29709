"""HTTPS to a CA, made strict: checked addresses, no proxy, no redirects, replies of bounded length,
and a precise word about whether a request can have arrived."""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore

from scm_api.drivers.addresses import is_loopback_host, may_connect

LONGEST_REPLY: Final = 8 * 1024 * 1024
_CONNECT_SECONDS: Final = 5.0
_READ_SECONDS: Final = 30.0
_CONNECTIONS: Final = 20


class NotSentError(Exception):
    """Nothing reached the CA: no address, no connection, no trust in its certificate."""


class NoAnswerError(Exception):
    """The request may have arrived, but no whole answer came back."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers with lower-case names, and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class StrictClient:
    """Calls one origin with fixed headers. Safe for concurrent use within one event loop.

    `context` stands in for TLS with the system's trust anchors and no client certificate.
    """

    def __init__(
        self, origin: str, headers: Mapping[str, str], context: ssl.SSLContext | None = None
    ) -> None:
        self._origin = origin
        self._headers = dict(headers)
        loopback = is_loopback_host(urlsplit(origin).hostname or "")
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context or ssl.create_default_context(),
            max_connections=_CONNECTIONS,
            keepalive_expiry=30,
            network_backend=_CheckedNetwork(loopback=loopback),
        )

    async def call(self, method: str, target: str, content: bytes = b"") -> Reply:
        """One request to a path with its query. Raises NotSentError and NoAnswerError."""
        headers = self._headers | {"Content-Length": str(len(content))}
        timeout = {
            "connect": _CONNECT_SECONDS,
            "pool": _CONNECT_SECONDS,
            "read": _READ_SECONDS,
            "write": _READ_SECONDS,
        }
        request = httpcore.Request(
            method,
            self._origin + target,
            headers=[
                (b"Host", urlsplit(self._origin).netloc.encode()),
                *((name.encode(), text.encode()) for name, text in headers.items()),
            ],
            content=content,
            extensions={"timeout": timeout},
        )
        try:
            response = await self._pool.handle_async_request(request)
            try:
                return await _whole(response)
            finally:
                await response.aclose()
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
            raise NotSentError(str(error) or "no connection") from error
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise NoAnswerError(str(error) or type(error).__name__) from error

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


async def _whole(response: httpcore.Response) -> Reply:
    body = bytearray()
    async for part in response.aiter_stream():
        body += part
        if len(body) > LONGEST_REPLY:
            raise NoAnswerError(f"the reply is longer than {LONGEST_REPLY} bytes")
    headers = {
        name.decode("latin-1").lower(): text.decode("latin-1") for name, text in response.headers
    }
    return Reply(response.status, headers, bytes(body))


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to the very addresses that were checked, so that a name that changes its mind
    between two look-ups (DNS rebinding) gains nothing."""

    def __init__(self, *, loopback: bool) -> None:
        self._loopback = loopback
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- the library's contract
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} has no address") from error
        last: Exception = httpcore.ConnectError(f"{host} has no address")
        for *_, address in found:
            if not may_connect(str(address[0]), loopback=self._loopback):
                raise httpcore.ConnectError(
                    f"{host} resolves to {address[0]}, an address this service does not use"
                )
            try:
                return await self._network.connect_tcp(
                    str(address[0]), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)
