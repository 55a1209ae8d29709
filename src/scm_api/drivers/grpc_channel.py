"""gRPC to a CA, made strict: checked addresses, verified TLS, no proxy, replies of bounded length,
and a precise word about whether a call can have arrived.

gRPC resolves names by itself and says little about why it could not connect. So a name is resolved
and judged here, TLS tried once, and the channel led to that very address.
"""

import asyncio
import ssl
from typing import Any, Final
from urllib.parse import urlsplit

import grpc

from scm_api.drivers.addresses import is_loopback_host
from scm_api.drivers.dialing import first_trusted
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, DriverError
from scm_api.drivers.resolving import ForbiddenAddress, checked_addresses
from scm_api.drivers.tls import tls_context

_CONNECT_SECONDS: Final = 5.0
_GRACE: Final = 30.0
_LONGEST_REPLY: Final = 4 * 1024 * 1024
_READY: Final = grpc.ChannelConnectivity.READY


class CheckedChannel:
    """One origin. It belongs to the event loop in which it is first used.

    `trusted_pem` stands in for the trust anchors of the system.
    """

    def __init__(self, origin: str, trusted_pem: str | None) -> None:
        url = urlsplit(origin)
        self._host, self._port = url.hostname or "", url.port or 443
        self._context = tls_context(trusted_pem, None)
        self._context.set_alpn_protocols(["h2"])
        anchors = self._context.get_ca_certs(binary_form=True)
        self._anchors = "".join(map(ssl.DER_cert_to_PEM_cert, anchors)).encode()
        self._channel: Any = None
        self._closing: set[asyncio.Task[None]] = set()
        self._dialing = asyncio.Lock()

    async def ready(self) -> Any:
        """The channel, connected: what is sent from here on may have arrived.

        Raises BackendUnavailable where nobody answers, BackendRefused for whom is not trusted.
        """
        if self._is_ready():
            return self._channel
        failure: DriverError
        async with self._dialing:
            if self._is_ready():
                return self._channel
            try:
                address = await self._address()
                self.hang_up()
                self._channel = self._dial(address)
                await asyncio.wait_for(self._channel.channel_ready(), _CONNECT_SECONDS)
            except (ssl.SSLCertVerificationError, ForbiddenAddress) as error:
                why = getattr(error, "verify_message", "") or str(error)
                failure = BackendRefused(f"{self._host} is not trusted: {why}.")
            except OSError as error:  # a timeout is one as well
                why = str(error) or "it speaks no gRPC"
                failure = BackendUnavailable(f"{self._host} cannot be reached: {why}.")
            else:
                return self._channel
        raise failure

    def hang_up(self) -> None:
        """Leave the connection to the calls that are under way; the next `ready` dials anew."""
        if self._channel is not None:
            task = asyncio.ensure_future(self._channel.close(_GRACE))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self._channel = None

    async def aclose(self) -> None:
        """Close every connection at once."""
        closing = list(self._closing)
        if self._channel is not None:
            closing.append(asyncio.ensure_future(self._channel.close()))
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*closing, return_exceptions=True)
        self._channel = None  # gRPC's own sockets go with its last channel

    def _is_ready(self) -> bool:
        return self._channel is not None and self._channel.get_state() is _READY

    async def _address(self) -> str:
        """Where the host is now, after it proved there who it is."""
        loopback = is_loopback_host(self._host)
        found = await checked_addresses(self._host, loopback=loopback)
        return await first_trusted(found, self._host, self._port, self._context, _CONNECT_SECONDS)

    def _dial(self, address: str) -> Any:
        target = f"ipv6:[{address}]" if ":" in address else f"ipv4:{address}"
        return grpc.aio.secure_channel(
            f"{target}:{self._port}",
            grpc.ssl_channel_credentials(self._anchors or None),
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
