"""Whom the Google driver talks to: TLS, where names may lead, and answers that are too much."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from contract import RecordingLimiter, new_order
from gcp_harness import GcpHarness, choosing
from scripted_server import answer, drip, scripted, tls_server

from scm_api.drivers.errors import BackendRefused, BackendUnavailable, OutcomeUnknown
from scm_api.drivers.gcp.driver import GcpDriver, open_driver


@asynccontextmanager
async def driver_at(
    harness: GcpHarness, url: str, trust: str, **more: Any
) -> AsyncIterator[GcpDriver]:
    connection = harness.reaching(url, trusted_certificates=trust, **more)
    driver = await open_driver(connection, harness.secrets, RecordingLimiter())
    try:
        yield driver
    finally:
        await driver.aclose()


@pytest.mark.parametrize(
    ("served", "expired", "trusted", "because"),
    [
        ("127.0.0.1", False, False, "self-signed|self signed"),
        ("other.example.com", False, True, "mismatch|not valid for"),
        ("127.0.0.1", True, True, "expired"),
    ],
)
async def test_t57_untrustworthy_tls_is_refused_with_the_cause(
    gcp_harness: GcpHarness,
    tmp_path: Path,
    served: str,
    expired: bool,
    trusted: bool,
    because: str,
) -> None:
    context = tls_server(tmp_path, served, expired=expired)
    trust = (tmp_path / "server.pem").read_text() if trusted else gcp_harness.trust
    async with (
        scripted(answer(b"{}"), tls=context) as server,
        driver_at(gcp_harness, f"https://127.0.0.1:{server.port}", trust) as driver,
    ):
        with pytest.raises(BackendRefused, match=because):
            await driver.submit(new_order(), choosing())
        assert server.requests == []


async def test_a_server_without_tls_is_unavailable(gcp_harness: GcpHarness) -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, driver_at(gcp_harness, url, gcp_harness.trust) as driver:
        with pytest.raises(BackendUnavailable, match="cannot be reached"):
            await driver.submit(new_order(), choosing())


@pytest.mark.parametrize("script", [answer(b"x", "302 Found"), drip])
async def test_t55_t56_whoever_speaks_no_grpc_gets_no_token(
    gcp_harness: GcpHarness, tmp_path: Path, script: Any
) -> None:
    """TLS is fine there, but what follows is HTTP/1: nothing that was sent can be an order."""
    context = tls_server(tmp_path, "127.0.0.1")
    trust = (tmp_path / "server.pem").read_text()
    async with (
        scripted(script, tls=context) as server,
        driver_at(gcp_harness, f"https://127.0.0.1:{server.port}", trust) as driver,
    ):
        with pytest.raises((BackendUnavailable, BackendRefused)):
            async with asyncio.timeout(20):
                await driver.submit(new_order(), choosing())
        assert not any(b"Bearer" in each for each in server.requests)


async def test_t54_a_name_is_judged_again_when_it_is_connected(
    gcp_harness: GcpHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = socket.getaddrinfo

    def rebound(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        target = "127.0.0.1" if host == "privateca.rebind.example" else host
        return genuine(target, port, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    async with scripted(answer(b"{}")) as canary:
        url = f"https://privateca.rebind.example:{canary.port}"
        async with driver_at(gcp_harness, url, gcp_harness.trust) as driver:
            with pytest.raises(BackendRefused, match=r"127\.0\.0\.1, an address this service"):
                await driver.submit(new_order(), choosing())
    assert canary.connections == 0


async def test_names_are_verified_where_they_are_dialed_by_address(
    gcp_harness: GcpHarness,
) -> None:
    """The channel leads to an address; the certificate and the token are for the name."""
    url = gcp_harness.url.replace("127.0.0.1", "localhost")
    async with driver_at(gcp_harness, url, gcp_harness.trust) as driver:
        assert (await driver.submit(new_order(), choosing())).leaf_der


async def test_proxies_of_the_environment_are_not_used(
    gcp_harness: GcpHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scripted(answer(b"{}")) as proxy:
        for name in ("HTTPS_PROXY", "https_proxy", "grpc_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with driver_at(gcp_harness, gcp_harness.url, gcp_harness.trust) as driver:
            await driver.check()
    assert proxy.connections == 0


async def test_f04_a_connection_that_ends_within_a_write_is_unknown_and_dialed_anew(
    gcp_harness: GcpHarness,
) -> None:
    """Through a relay that drops the answer of a real connection."""
    target = int(gcp_harness.url.rpartition(":")[2])
    writers: list[asyncio.StreamWriter] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        writers.extend([writer, far_writer])
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with driver_at(gcp_harness, f"https://127.0.0.1:{port}", gcp_harness.trust) as driver:
        await driver.check()
        gcp_harness.fault("CreateCertificate", "delay", seconds=1, when="after")
        order = new_order()
        sending = asyncio.create_task(driver.submit(order, choosing()))
        while gcp_harness.orders() == 0:  # noqa: ASYNC110 -- the ledger tells, not an event
            await asyncio.sleep(0.02)
        for writer in writers:
            writer.transport.abort()
        with pytest.raises(OutcomeUnknown):
            await sending
        assert (await driver.recover(order, choosing())).leaf_der
        assert gcp_harness.orders() == 1
    server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    writer.close()
