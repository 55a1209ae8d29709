"""The HTTP side of the AWS SDK, made strict.

The SDK's own session does not compare the host name with the server's certificate, trusts any
certificate behind a proxy, follows redirects (re-sending the session token), reads replies of
any length, and reports a connection reset in the middle of a call with the same exception as one
that was never made.
"""

import socket
import ssl
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.httpsession import AIOHTTPSession
from aiohttp.abc import AbstractResolver, ResolveResult
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import get_cert_path
from yarl import URL

from scm_api.drivers.addresses import is_loopback_host
from scm_api.drivers.resolving import checked_addresses
from scm_api.logger import get_logger

_log = get_logger(__name__)
LONGEST_REPLY: Final = 4 * 1024 * 1024
"""Bytes. A chain may have 2 MiB (API reference, GetCertificate); nothing else comes near."""


class RedirectRefused(Exception):
    """AWS Private CA does not redirect, so somebody else answered."""


class ReplyTooLarge(Exception):
    """The reply is longer than any reply of AWS Private CA."""


class CheckedResolver(AbstractResolver):
    """Resolves names at the moment of connecting and refuses forbidden addresses: those of this
    machine too, unless the name itself says so, as that of a proxy may."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:  # noqa: ARG002 -- aiohttp's contract: every family will do
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await checked_addresses(host, loopback=is_loopback_host(host))
        ]

    async def close(self) -> None:
        """Nothing is open."""


class StrictSession(AIOHTTPSession):  # type: ignore[misc]  # the SDK has no types
    """Sends one request and says precisely whether it can have reached AWS.

    EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError and SSLError: it cannot.
    Everything else: it can.
    """

    def _create_connector(
        self,
        proxy_url: str | None,  # noqa: ARG002 - the base class passes it
    ) -> aiohttp.TCPConnector:
        """The same trust with a proxy as without; the base class gives it up behind a proxy."""
        context = trusting(self._verify)
        return aiohttp.TCPConnector(
            limit=self._max_pool_connections, ssl=context, **self._connector_args
        )

    async def send(self, request: Any) -> AioAWSResponse:
        url = request.url
        proxy_url = self._proxy_config.proxy_url_for(url)
        try:
            session = await self._get_session(proxy_url)
        except OSError as error:  # the roots cannot be read
            raise SSLError(endpoint_url=url, error=error) from error
        try:
            async with session.request(
                request.method,
                URL(url, encoded=True),
                headers=_headers(request),
                data=request.body,
                proxy=proxy_url,
                allow_redirects=False,
            ) as response:
                received = await _received(response)
        except aiohttp.ClientSSLError as error:
            raise SSLError(endpoint_url=url, error=error) from error
        except (
            aiohttp.ClientProxyConnectionError,
            aiohttp.ClientHttpProxyError,
            aiohttp.InvalidURL,  # the proxy's: AWS's own is built from a name that is checked
        ) as error:
            # The proxy's URL may carry its password.
            raise ProxyConnectionError(proxy_url="the proxy", error=error) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=url, error=error) from error
        except aiohttp.ClientConnectorError as error:
            raise EndpointConnectionError(endpoint_url=url, error=error) from error
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=url, error=error) from error
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionClosedError(endpoint_url=url, error=error) from error
        _log.info(
            "AWS answered",
            action=_action(request),
            status=received.status_code,
            ca_request_id=received.headers.get("x-amzn-requestid"),
        )
        return received


def trusting(verify: bool | str) -> ssl.SSLContext:
    """What `verify` of the SDK means: a file of roots, or those the SDK brings along.

    The first time takes 50 ms of CPU: call it in a thread. Raises OSError for a file that holds
    none or cannot be read.
    """
    roots = get_cert_path(verify)
    return _trusting(roots, Path(roots).stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _trusting(roots: str, _changed: int) -> ssl.SSLContext:
    """Checks certificates and names. The roots are read once for each state of the file; `_changed`
    is its time of change in nanoseconds."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(roots)
    return context


def _headers(request: Any) -> dict[str, str]:
    headers = {
        name: value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    # A compressed reply could be small on the wire and endless in memory.
    return headers | {"Accept-Encoding": "identity"}


def _action(request: Any) -> str | None:
    """`ACMPrivateCA.IssueCertificate`; other services say elsewhere what they are asked."""
    target = request.headers.get("X-Amz-Target")
    return target.decode() if isinstance(target, bytes) else target


async def _received(response: aiohttp.ClientResponse) -> AioAWSResponse:
    """The whole reply in memory, as the SDK wants it."""
    if 300 <= response.status < 400:
        raise RedirectRefused(
            f"The endpoint answered with a redirect (status {response.status}), which AWS Private "
            "CA never does; it was not followed."
        )
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > LONGEST_REPLY:
            raise ReplyTooLarge(f"the answer is longer than {LONGEST_REPLY} bytes")
    headers = {name.decode().lower(): value.decode() for name, value in response.raw_headers}
    received = AioAWSResponse(str(response.url), response.status, headers, _Read(bytes(body)))
    await received.content
    return received


class _Read:
    """A body that has been read already, behind the method the SDK reads bodies with."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        return self._body
