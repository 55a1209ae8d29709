"""Calls of CA Service: signed in, over a channel to a checked address, paced, with a deadline."""

import asyncio
import logging
import ssl
from typing import Any, Final
from urllib.parse import urlsplit

import google.auth
import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request
from google.cloud.security.privateca_v1 import CertificateAuthorityServiceAsyncClient as Client
from google.cloud.security.privateca_v1.services.certificate_authority_service import transports

from scm_api.drivers.addresses import is_loopback_host
from scm_api.drivers.base import Limiter
from scm_api.drivers.dialing import ForbiddenAddress, checked_addresses, first_trusted
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, DriverError
from scm_api.drivers.gcp.failures import Operation, TooFast, translate
from scm_api.drivers.gcp.options import GcpConnection
from scm_api.drivers.tls import tls_context

SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)
_API: Final = "https://privateca.googleapis.com"
_CONNECT_SECONDS: Final = 5.0
_GRACE: Final = 30.0
_READS: Final = 3  # sends of one read; a write is sent once, the worker repeats it
_LONGEST_REPLY: Final = 4 * 1024 * 1024
_READY: Final = grpc.ChannelConnectivity.READY


class Caller:
    """One location with one set of credentials. It belongs to the event loop it is made in.

    gRPC resolves names by itself and says little about why it could not connect. So a name is
    resolved and judged here, TLS tried once, and the channel led to that very address.
    """

    def __init__(self, connection: GcpConnection, credentials: Any, limiter: Limiter) -> None:
        # At DEBUG Google's libraries log requests with their tokens.
        logging.getLogger("google").setLevel(logging.INFO)
        url = urlsplit(connection.endpoint_url or _API)
        self._host, self._port = url.hostname or "", url.port or 443
        self._seconds = connection.call_timeout_seconds
        self._credentials, self._limiter = credentials, limiter
        self._context = tls_context(connection.trusted_certificates, None)
        self._context.set_alpn_protocols(["h2"])
        self._trusted = "".join(
            ssl.DER_cert_to_PEM_cert(each) for each in self._context.get_ca_certs(binary_form=True)
        )
        self._channel: Any = None
        self._client: Any = None
        self._closing: set[asyncio.Task[None]] = set()
        self._dialing, self._signing = asyncio.Lock(), asyncio.Lock()

    async def call(
        self, operation: Operation, request: Any, resource: str, pace: tuple[str, float]
    ) -> Any:
        """The reply. Reads are repeated where nobody answered. Raises driver errors."""
        failure: DriverError
        for sent in range(1 if operation.writes else _READS):
            await asyncio.sleep(0.2 * sent)
            token, client = await self._token(), await self._connected()
            await self._limiter.acquire(*pace)
            try:
                return await getattr(client, operation.method)(
                    request=request,
                    retry=None,
                    timeout=self._seconds,
                    metadata=(("authorization", f"Bearer {token}"),),
                )
            except GoogleAPICallError as error:
                failure = translate(error, operation, resource, token)
                if error.grpc_status_code is grpc.StatusCode.DEADLINE_EXCEEDED:
                    self._hang_up()  # it may be a connection that only seems to be there
            if type(failure) is not BackendUnavailable:
                break
        if isinstance(failure, TooFast) and failure.retry_after:
            await self._limiter.slow_down(pace[0], failure.retry_after)
        # Raised out here, without the error of the library, which holds the request.
        raise failure

    async def aclose(self) -> None:
        """Close every connection at once."""
        if self._channel is not None:
            await self._channel.close()
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _token(self) -> str:
        failure: DriverError
        async with self._signing:
            if self._credentials.valid:
                return str(self._credentials.token)
            try:
                await asyncio.to_thread(self._credentials.refresh, Request())
                return _plain(self._credentials.token)
            except TransportError:
                failure = BackendUnavailable("Google's token service cannot be reached.")
            except (GoogleAuthError, ValueError) as error:
                name = type(error).__name__
                failure = BackendRefused(f"Google gives no token for the credentials ({name}).")
        raise failure

    async def _connected(self) -> Any:
        """A client whose channel is there: what is sent from here on may have arrived."""
        if self._is_ready():
            return self._client
        failure: DriverError
        async with self._dialing:
            if self._is_ready():
                return self._client
            try:
                address = await self._address()
                self._hang_up()
                self._channel = self._dial(address)
                await asyncio.wait_for(self._channel.channel_ready(), _CONNECT_SECONDS)
            except (ssl.SSLCertVerificationError, ForbiddenAddress) as error:
                why = getattr(error, "verify_message", "") or str(error)
                failure = BackendRefused(f"{self._host} is not trusted: {why}.")
            except OSError as error:
                why = str(error) or "it speaks no gRPC"
                failure = BackendUnavailable(
                    f"CA Service cannot be reached at {self._host}: {why}."
                )
            else:
                transport = transports.CertificateAuthorityServiceGrpcAsyncIOTransport(
                    host=self._host, channel=self._channel
                )
                self._client = Client(transport=transport)
                return self._client
        raise failure

    async def _address(self) -> str:
        """Where the API is now, after it proved there who it is."""
        found = await checked_addresses(
            self._host, self._port, loopback=is_loopback_host(self._host)
        )
        return await first_trusted(found, self._host, self._port, self._context, _CONNECT_SECONDS)

    def _dial(self, address: str) -> Any:
        target = f"ipv6:[{address}]" if ":" in address else f"ipv4:{address}"
        return grpc.aio.secure_channel(
            f"{target}:{self._port}",
            grpc.ssl_channel_credentials(self._trusted.encode() or None),
            options=(
                ("grpc.ssl_target_name_override", self._host),
                ("grpc.default_authority", f"{self._host}:{self._port}"),
                ("grpc.enable_http_proxy", 0),
                ("grpc.enable_retries", 0),
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.service_config_disable_resolution", 1),
                ("grpc.max_receive_message_length", _LONGEST_REPLY),
            ),
        )

    def _is_ready(self) -> bool:
        return self._channel is not None and self._channel.get_state() is _READY

    def _hang_up(self) -> None:
        """Leave the channel to the calls that are under way; the next call dials anew."""
        if self._channel is not None:
            task = asyncio.ensure_future(self._channel.close(_GRACE))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self._channel = None


def machine_credentials() -> Any:
    """What Google's libraries find on this machine. Takes seconds where there is nothing."""
    found, _project = google.auth.default(scopes=SCOPES)
    return found


def _plain(token: Any) -> str:
    return token.decode() if isinstance(token, bytes) else str(token)
