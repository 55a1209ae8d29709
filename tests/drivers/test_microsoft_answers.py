"""What Web Enrollment answers, and what stands in front of it: lost, strange, hostile, foreign."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from contract import RecordingLimiter, new_order
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from microsoft_harness import MicrosoftHarness
from scripted_server import answer, drip, flood, hang, reset, scripted, tls_server

from scm_api.core.chain import build_chain
from scm_api.drivers.base import Driver, Issued, Pending, Rejected
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.drivers.microsoft.enrolling import request_attributes
from scm_api.drivers.microsoft.options import MicrosoftConnection


@pytest.fixture
async def driver(microsoft_harness: MicrosoftHarness) -> AsyncIterator[Driver]:
    harness = microsoft_harness
    opened = await harness.kind.open(harness.connection, harness.secrets, RecordingLimiter())
    yield opened
    await opened.aclose()


@pytest.mark.parametrize("language", ["en", "fr", "de", "xx"])
async def test_outcomes_are_the_same_in_every_language(
    microsoft_harness: MicrosoftHarness, driver: Driver, language: str
) -> None:
    harness = microsoft_harness
    harness.behave(language=language)
    first = await driver.submit(new_order(), harness.options)
    assert first == Pending("1", first.poll_after, None)
    assert isinstance(await driver.poll("1", harness.options), Issued)
    with pytest.raises(OrderRefused) as caught:
        await driver.submit(new_order(), harness.wrong_options)
    assert caught.value.code == "CERTSRV_E_KEY_LENGTH"
    with pytest.raises(BackendRefused, match="lacks Read and Enroll") as refused:
        await driver.submit(new_order(), harness.ordering("CorpAdmins"))
    assert not refused.value.whole_backend
    harness.hold()
    waiting = await driver.submit(new_order(), harness.options)
    assert isinstance(waiting, Pending)
    assert waiting.waits_for is not None
    assert isinstance(await driver.poll(waiting.ca_ref, harness.options), Pending)
    harness.control("POST", f"/requests/{waiting.ca_ref}", {"action": "deny"})
    denied = await driver.poll(waiting.ca_ref, harness.options)
    assert isinstance(denied, Rejected)
    with pytest.raises(OrderRefused) as unknown:  # which decides nothing about it
        await driver.poll("999", harness.options)
    assert unknown.value.code in ("CERTSRV_E_PROPERTY_EMPTY", "CERTSRV_E_NO_REQUEST")


async def test_what_a_manager_issued_is_fetched(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    microsoft_harness.hold()
    waiting = await driver.submit(new_order(), microsoft_harness.options)
    assert isinstance(waiting, Pending)
    microsoft_harness.control("POST", f"/requests/{waiting.ca_ref}", {"action": "issue"})
    assert isinstance(await driver.poll(waiting.ca_ref, microsoft_harness.options), Issued)


async def test_f12_a_chain_in_any_order_is_handed_on_whole_and_put_in_order(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    await driver.submit(new_order(), microsoft_harness.options)
    usual = await driver.poll("1", microsoft_harness.options)
    microsoft_harness.fault("certnew.p7b", "chain_reversed")
    issued = await driver.poll("1", microsoft_harness.options)
    assert isinstance(usual, Issued)
    assert isinstance(issued, Issued)
    assert set(issued.chain_ders) == set(usual.chain_ders)
    leaf = x509.load_der_x509_certificate(issued.leaf_der)
    sent = map(x509.load_der_x509_certificate, issued.chain_ders)
    chain = build_chain(leaf, sent, (), datetime.now(UTC))
    leaf.verify_directly_issued_by(chain.certificates[0])
    assert chain.complete


async def test_a_template_that_was_taken_from_the_ca_says_so(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    microsoft_harness.control("PATCH", "/templates/CorpWeb", {"published": False})
    with pytest.raises(BackendRefused, match="not published on this CA"):
        await driver.submit(new_order(), microsoft_harness.options)


async def test_unknown_pages_after_an_order_leave_it_open_and_after_a_question_do_not(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    microsoft_harness.hold()
    waiting = await driver.submit(new_order(), microsoft_harness.options)
    assert isinstance(waiting, Pending)
    microsoft_harness.behave(unknown_pages=True)
    with pytest.raises(OutcomeUnknown, match="none of Web Enrollment"):
        await driver.submit(new_order(), microsoft_harness.options)
    with pytest.raises(BackendUnavailable):
        await driver.poll(waiting.ca_ref, microsoft_harness.options)


@pytest.mark.parametrize("status", [200, 500, 502])
async def test_f06_an_error_page_of_iis_after_an_order_leaves_it_open(
    microsoft_harness: MicrosoftHarness, driver: Driver, status: int
) -> None:
    for when in ("before", "after"):
        microsoft_harness.fault("submit", "html", status=status, when=when)
        with pytest.raises(OutcomeUnknown):
            await driver.submit(new_order(), microsoft_harness.options)
    microsoft_harness.fault("poll", "html", status=status)
    with pytest.raises(BackendUnavailable):
        await driver.poll("1", microsoft_harness.options)
    assert isinstance(await driver.poll("1", microsoft_harness.options), Issued)


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "reset", "when": "after"},
        {"action": "close", "when": "after"},
        {"action": "close", "when": "before"},
        {"action": "truncate"},
    ],
)
async def test_f04_a_lost_answer_leaves_the_order_open_and_it_is_not_sent_again(
    microsoft_harness: MicrosoftHarness, driver: Driver, fault: dict[str, Any]
) -> None:
    await driver.check()
    microsoft_harness.fault("submit", **fault)
    with pytest.raises(OutcomeUnknown):
        await driver.submit(new_order(), microsoft_harness.options)
    posted = [each for each in microsoft_harness.calls() if each["operation"] == "certfnsh.asp"]
    assert len(posted) == 1
    with pytest.raises(OutcomeUnknown):
        await driver.recover(new_order(), microsoft_harness.options)


async def test_f04_a_connection_that_was_closed_meanwhile_is_opened_and_looked_at_again(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    await driver.check()
    microsoft_harness.fault("poll", "close")
    with pytest.raises(BackendUnavailable):
        await driver.poll("1", microsoft_harness.options)
    microsoft_harness.fault("certcarc.asp", "error", status=503)
    with pytest.raises(BackendUnavailable):  # nothing is ordered before the site was looked at
        await driver.submit(new_order(), microsoft_harness.options)
    assert isinstance(await driver.submit(new_order(), microsoft_harness.options), Pending)
    assert microsoft_harness.orders() == 1


async def test_the_site_of_another_ca_gets_no_order(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    microsoft_harness.behave(site_ca="other")
    with pytest.raises(BackendRefused, match="CORP Issuing CA 2, not to CORP Issuing CA 1"):
        await driver.submit(new_order(), microsoft_harness.options)
    with pytest.raises(BackendRefused):
        await driver.poll("1", microsoft_harness.options)
    assert microsoft_harness.entries("request") == []


async def test_a_site_that_becomes_another_cas_is_noticed_with_the_next_connection(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    await driver.check()
    microsoft_harness.behave(site_ca="other")
    microsoft_harness.fault("poll", "close")
    with pytest.raises(BackendUnavailable):
        await driver.poll("1", microsoft_harness.options)
    with pytest.raises(BackendRefused, match="CORP Issuing CA 2"):
        await driver.submit(new_order(), microsoft_harness.options)
    assert microsoft_harness.entries("request") == []


async def test_f13_an_order_by_a_profile_of_another_ca_is_neither_sent_nor_looked_for(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    other = microsoft_harness.options.model_copy(update={"issuing_ca": "CORP Issuing CA 2"})
    for ask in (driver.submit(new_order(), other), driver.poll("1", other)):
        with pytest.raises(BackendRefused, match="of CORP Issuing CA 2") as caught:
            await ask
        assert not caught.value.whole_backend
    assert microsoft_harness.calls() == []


@pytest.mark.parametrize(
    "name",
    [
        "CorpWeb\r\nSAN:upn=administrator@corp.example",
        "CorpWeb\nSAN:dns=evil.example",
        "CorpWeb:x",
        "CorpWeb&san:upn=a",
        "CorpWeb\x00",
        "",
        "x" * 65,
    ],
)
def test_t26_no_other_attribute_fits_into_a_template(name: str) -> None:
    with pytest.raises(OrderRefused) as caught:
        request_attributes(name)
    assert caught.value.code == "name-invalid"


async def test_t26_the_template_is_the_only_attribute(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    await driver.submit(new_order(), microsoft_harness.options)
    smuggling = microsoft_harness.options.model_copy(
        update={"ms_template": "CorpWeb\nSAN:upn=administrator@corp.example"}
    )
    with pytest.raises(OrderRefused):
        await driver.submit(new_order(), smuggling)
    (request,) = microsoft_harness.entries("request")
    assert request["attributes"] == ["CertificateTemplate:CorpWeb"]


def at(port: int, trusted: Path | None, **enroller: Any) -> MicrosoftConnection:
    return MicrosoftConnection.model_validate(
        {
            "backend_type": "microsoft",
            "issuing_ca": "Corp CA",
            "enroller": {
                "transport": "certsrv",
                "base_url": f"https://127.0.0.1:{port}",
                "auth": "basic",
                "answer_seconds": 1,
            }
            | enroller,
            "trusted_certificates": trusted.read_text().partition("-----BEGIN CERT")[1]
            + trusted.read_text().partition("-----BEGIN CERT")[2]
            if trusted
            else None,
        }
    )


async def opened_at(
    harness: MicrosoftHarness, port: int, trusted: Path | None, **enroller: Any
) -> Driver:
    connection = at(port, trusted, **enroller)
    return await harness.kind.open(connection, harness.secrets, RecordingLimiter())


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
async def test_t55_a_redirect_is_not_followed_and_gets_no_credential(
    microsoft_harness: MicrosoftHarness, tmp_path: Path, auth: str
) -> None:
    tls = tls_server(tmp_path, "127.0.0.1")
    async with scripted(answer(b""), tls=tls) as target:
        there = f"Location: https://127.0.0.1:{target.port}/certsrv/\r\n".encode()
        moved = answer(b"", "302 Found", headers=there)
        async with scripted(moved, tls=tls) as server:
            driver = await opened_at(
                microsoft_harness, server.port, tmp_path / "server.pem", auth=auth
            )
            with pytest.raises(BackendRefused, match="302"):
                await driver.submit(
                    new_order(),
                    microsoft_harness.options.model_copy(update={"issuing_ca": "Corp CA"}),
                )
            await driver.aclose()
        assert target.connections == 0
        if auth == "ntlm":
            assert all(b"authorization" not in each.lower() for each in server.requests)


@pytest.mark.parametrize(
    ("name", "expired", "trusted"),
    [("other.example", False, True), ("127.0.0.1", True, True), ("127.0.0.1", False, False)],
)
async def test_t57_a_server_that_is_not_trusted_gets_nothing(
    microsoft_harness: MicrosoftHarness, tmp_path: Path, name: str, expired: bool, trusted: bool
) -> None:
    async with scripted(answer(b""), tls=tls_server(tmp_path, name, expired=expired)) as server:
        driver = await opened_at(
            microsoft_harness, server.port, tmp_path / "server.pem" if trusted else None
        )
        with pytest.raises(BackendRefused, match=r"not trusted.*certificate"):
            await driver.check()
        await driver.aclose()
    assert server.requests == []


@pytest.mark.parametrize("script", [hang, reset, flood, drip, answer(b"<html>", "503 Busy")])
async def test_t56_a_site_that_never_lets_us_in_is_away_and_gets_no_order(
    microsoft_harness: MicrosoftHarness, tmp_path: Path, script: Any
) -> None:
    options = microsoft_harness.options.model_copy(update={"issuing_ca": "Corp CA"})
    async with scripted(script, tls=tls_server(tmp_path, "127.0.0.1")) as server:
        driver = await opened_at(
            microsoft_harness, server.port, tmp_path / "server.pem", wait_seconds=2
        )
        async with asyncio.timeout(20):
            with pytest.raises(BackendUnavailable):
                await driver.submit(new_order(), options)
        await driver.aclose()
    assert all(not each.startswith(b"POST") for each in server.requests)


async def test_the_csr_arrives_byte_for_byte(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    order = new_order()
    await driver.submit(order, microsoft_harness.options)
    (request,) = microsoft_harness.control("GET", "/requests")["entries"]
    arrived = x509.load_pem_x509_csr(request["csr"].encode())
    assert arrived.public_bytes(Encoding.DER) == order.csr_der
