"""Whom the AWS driver trusts, through which proxy, and where names may lead."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from contract import new_order
from scripted_aws import OPTIONS, REF, driver_at, submitting
from scripted_server import answer, scripted, tls_server, tunnel_to

from scm_api.drivers.base import Pending
from scm_api.drivers.errors import BackendRefused, BackendUnavailable


@pytest.mark.parametrize(
    ("served", "expired", "trusted", "because"),
    [
        ("127.0.0.1", False, False, "self-signed|self signed"),
        ("other.example.com", False, True, "mismatch|not valid for"),
        ("127.0.0.1", True, True, "expired"),
    ],
)
async def test_t57_untrustworthy_tls_is_refused_with_the_cause(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    served: str,
    expired: bool,
    trusted: bool,
    because: str,
) -> None:
    context = tls_server(tmp_path, served, expired=expired)
    if trusted:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "server.pem"))
    async with (
        scripted(answer(b"{}"), tls=context) as server,
        driver_at(f"https://127.0.0.1:{server.port}") as driver,
    ):
        with pytest.raises(BackendRefused, match=because):
            await driver.submit(new_order(), OPTIONS)
        assert server.requests == []


async def test_t57_behind_a_proxy_the_same_certificates_are_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = tls_server(tmp_path, "pca.example.com")
    trusted = tmp_path / "server.pem"
    body = json.dumps({"CertificateArn": REF}).encode()
    async with scripted(answer(body), tls=context) as server, tunnel_to(server.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with driver_at("https://pca.example.com") as driver:
            with pytest.raises(BackendRefused, match=r"self.signed"):
                await driver.submit(new_order(), OPTIONS)
        assert server.requests == []
        monkeypatch.setenv("AWS_CA_BUNDLE", str(trusted))
        async with driver_at("https://pca.example.com") as driver:
            assert isinstance(await driver.submit(new_order(), OPTIONS), Pending)
        async with driver_at("https://other.example.com") as driver:
            with pytest.raises(BackendRefused, match=r"mismatch|not valid for"):
                await driver.submit(new_order(), OPTIONS)
    assert proxy.connections == 3
    assert len(server.requests) == 1


async def test_f04_a_proxy_that_does_not_connect_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scripted(answer(b"", "502 Bad Gateway")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:pass-word@127.0.0.1:{proxy.port}")
        async with driver_at("https://pca.example.com") as driver:
            error = await submitting(driver)
    assert type(error) is BackendUnavailable
    assert "pass-word" not in error.detail


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_f04_roots_that_cannot_be_read_are_found_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    roots = tmp_path / "roots.pem"
    if content is not None:
        roots.write_text(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(roots))
    async with driver_at("https://pca.example.com") as driver:
        error = await submitting(driver)
    assert type(error) is BackendRefused
    assert "TLS" in error.detail


@pytest.mark.parametrize("proxy", ["http://[::1", "http://user:pass-word@proxy:port"])
async def test_f04_through_a_proxy_that_is_none_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    async with driver_at("https://pca.example.com") as driver:
        error = await submitting(driver)
    assert type(error) is BackendUnavailable
    assert "pass-word" not in error.detail


async def test_a_proxy_on_this_machine_may_be_named_localhost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scripted(answer(b"", "502 Bad Gateway")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://localhost:{proxy.port}")
        async with driver_at("https://pca.example.com") as driver:
            assert type(await submitting(driver)) is BackendUnavailable
    assert proxy.connections == 1


async def test_t54_a_name_is_judged_again_when_it_is_connected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    genuine = socket.getaddrinfo

    def rebound(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        target = "127.0.0.1" if host == "pca.rebind.example" else host
        return genuine(target, port, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    async with (
        scripted(answer(b"{}")) as canary,
        driver_at(f"https://pca.rebind.example:{canary.port}") as driver,
    ):
        error = await submitting(driver)
        assert type(error) is BackendRefused
        assert "127.0.0.1" in error.detail
    assert canary.connections == 0


async def test_proxies_of_the_environment_are_not_used_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scripted(answer(b"{}")) as elsewhere:
        url = f"http://127.0.0.1:{elsewhere.port}"
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, url)
        body = json.dumps({"CertificateArn": REF}).encode()
        async with (
            scripted(answer(body)) as server,
            driver_at(f"http://127.0.0.1:{server.port}") as driver,
        ):
            assert isinstance(await driver.submit(new_order(), OPTIONS), Pending)
    assert elsewhere.connections == 0
