"""HTTPS to a CA, made strict: checked addresses, no proxy, no redirects, replies of bounded length,
and a precise word about whether a request can have arrived."""

import ssl
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore

from scm_api.drivers.addresses import is_loopback_host
from scm_api.drivers.resolving import ForbiddenAddress, checked_addresses
from scm_api.drivers.tls import system_trust

LONGEST_REPLY: Final = 8 * 1024 * 1024
_CONNECT_SECONDS: Final = 5.0
_READ_SECONDS: Final = 30.0
_CONNECTIONS: Final = 20

# httpcore imports it several times in every request, and Python would search the disk for it.
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # what `import` takes for "not there"


class NotSentError(Exception):
    """Nothing reached the CA: no address, no connection, no trust in its certificate."""


class UntrustedError(NotSentError):
    """Nothing was sent, because the other side is not who it should be: its certificate is not
    trusted, or its address is none that this service uses."""


class NoAnswerError(Exception):
    """The request may have arrived, but no whole answer came back."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers with lower-case names, and the whole body.

    A header that came several times is joined by commas (RFC 9110 section 5.3). `certificate_der`
    is that of the server, None without TLS.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    certificate_der: bytes | None = None


class StrictClient:
    """Calls one origin with fixed headers. Safe for concurrent use within one event loop.

    `context` stands in for TLS with the system's trust anchors and no client certificate;
    `connections` is how many are open at most, `seconds` how long a part of an answer may take.
    """

    def __init__(
        self,
        origin: str,
        headers: Mapping[str, str],
        context: ssl.SSLContext | None = None,
        *,
        connections: int = _CONNECTIONS,
        seconds: float = _READ_SECONDS,
    ) -> None:
        self._origin = origin
        self._headers = dict(headers)
        self._seconds = seconds
        self._network = _CheckedNetwork(loopback=is_loopback_host(urlsplit(origin).hostname or ""))
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context or system_trust(),
            max_connections=connections,
            keepalive_expiry=30,
            network_backend=self._network,
        )

    @property
    def connections_made(self) -> int:
        """How many connections were opened so far."""
        return self._network.made

    async def call(
        self,
        method: str,
        target: str,
        content: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        reuse: bool = False,
    ) -> Reply:
        """One request to a path with its query. Raises NotSentError and NoAnswerError.

        With `reuse` only over a connection that is open. That is for a client of one connection,
        which calls one at a time.
        """
        headers = self._headers | {"Content-Length": str(len(content))} | dict(headers or {})
        timeout = {
            "connect": _CONNECT_SECONDS,
            "pool": _CONNECT_SECONDS,
            "read": self._seconds,
            "write": self._seconds,
        }
        self._network.barred = reuse
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
            kind = UntrustedError if _is_untrusted(error) else NotSentError
            raise kind(str(error) or "no connection") from error
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
    headers: dict[str, str] = {}
    for raw_name, raw_text in response.headers:
        name, text = raw_name.decode("latin-1").lower(), raw_text.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    secured = response.extensions["network_stream"].get_extra_info("ssl_object")
    certificate = secured.getpeercert(True) if secured is not None else None
    return Reply(response.status, headers, bytes(body), certificate)


def _is_untrusted(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (ssl.SSLCertVerificationError, ForbiddenAddress)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to the very addresses that were checked, so that a name that changes its mind
    between two look-ups (DNS rebinding) gains nothing. While `barred`, it connects to none."""

    def __init__(self, *, loopback: bool) -> None:
        self.made = 0
        self.barred = False
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
        if self.barred:
            raise httpcore.ConnectError("the connection was closed in the meantime")
        try:
            found = await checked_addresses(host, loopback=self._loopback)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        last: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in found:
            try:
                stream = await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
            else:
                self.made += 1
                return stream
        raise last

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)
