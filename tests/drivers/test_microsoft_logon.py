"""Logons at Web Enrollment: NTLM over leased connections, channel bindings, Basic, certificates,
and the words for each way of being refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from contract import RecordingLimiter, issue, new_order
from cryptography import x509
from microsoft_harness import KNOCKING, MicrosoftHarness

from scm_api.drivers.base import Driver, Issued
from scm_api.drivers.errors import BackendRefused, BackendUnavailable
from scm_api.drivers.microsoft.options import MicrosoftSecrets
from scm_api.sandbox.microsoft.catalogue import ENROLLER

Open = Callable[..., Awaitable[Driver]]


@pytest.fixture
async def opened(microsoft_harness: MicrosoftHarness) -> AsyncIterator[Open]:
    """Opens drivers with other options for the enroller, and closes them."""
    drivers: list[Driver] = []

    async def opening(secrets: MicrosoftSecrets | None = None, **enroller: Any) -> Driver:
        harness = microsoft_harness
        connection = harness.reaching(harness.server.url, **enroller)
        chosen = secrets or harness.secrets
        drivers.append(await harness.kind.open(connection, chosen, RecordingLimiter()))
        return drivers[-1]

    yield opening
    for driver in drivers:
        await driver.aclose()


def refusals(harness: MicrosoftHarness) -> list[str]:
    """Why the site let nobody in, but for the first legs of every logon."""
    entries = harness.control("GET", "/calls")["entries"]
    said = [str(each["reason"]) for each in entries if each["operation"] == KNOCKING]
    return [each for each in said if each not in ("", "no credentials", "NTLM challenge")]


@pytest.mark.parametrize("protection", ["none", "supported", "required"])
async def test_200_parallel_orders_each_over_a_leased_connection(
    microsoft_harness: MicrosoftHarness, opened: Open, protection: str
) -> None:
    microsoft_harness.behave(extended_protection=protection)
    number = 200 if protection == "required" else 40
    driver = await opened(max_connections=16, wait_seconds=30)
    orders = [new_order(f"host{n}.example.com") for n in range(number)]
    made = await asyncio.gather(
        *(issue(driver, microsoft_harness.options, each) for each in orders)
    )
    serials = {x509.load_der_x509_certificate(each.leaf_der).serial_number for each in made}
    assert len(serials) == number == microsoft_harness.orders()
    assert refusals(microsoft_harness) == []
    calls = microsoft_harness.calls()
    assert {each["account"] for each in calls} == {ENROLLER.sam}
    assert 1 < len({each["connection"] for each in calls}) <= 16


async def test_extended_protection_refuses_a_logon_without_bindings(
    microsoft_harness: MicrosoftHarness, opened: Open
) -> None:
    microsoft_harness.behave(extended_protection="required")
    driver = await opened(channel_binding=False)
    with pytest.raises(BackendRefused, match="channel_binding: false keeps back") as caught:
        await driver.check()
    assert "0xC000035B" in caught.value.detail
    assert microsoft_harness.calls() == []


async def test_without_bindings_it_works_where_they_are_not_required(
    microsoft_harness: MicrosoftHarness, opened: Open
) -> None:
    microsoft_harness.behave(extended_protection="supported")
    await (await opened(channel_binding=False)).check()


async def test_a_wrong_password_is_told_with_how_to_tell_it_apart(
    microsoft_harness: MicrosoftHarness, opened: Open
) -> None:
    driver = await opened(microsoft_harness.wrong_secrets)
    with pytest.raises(BackendRefused) as caught:
        await driver.check()
    assert "user name or password is wrong" in caught.value.detail
    assert "2148074252" in caught.value.detail
    assert microsoft_harness.confidential not in caught.value.detail


async def test_a_wrong_password_is_not_tried_until_the_account_is_locked(
    microsoft_harness: MicrosoftHarness, opened: Open
) -> None:
    driver = await opened(microsoft_harness.wrong_secrets)
    orders = (driver.submit(new_order(), microsoft_harness.options) for _ in range(30))
    outcomes = await asyncio.gather(*orders, return_exceptions=True)
    assert {type(each) for each in outcomes} == {BackendRefused}
    assert len(refusals(microsoft_harness)) == 1


async def test_a_disabled_account_is_refused(
    microsoft_harness: MicrosoftHarness, opened: Open
) -> None:
    microsoft_harness.control("PATCH", f"/accounts/{ENROLLER.sam}", {"disabled": True})
    with pytest.raises(BackendRefused, match="locked or disabled"):
        await (await opened()).check()


@pytest.mark.parametrize(
    ("schemes", "words"),
    [(["Basic"], "offers basic"), (["Certificate"], "asks for no logon|offers no logon|forbids")],
)
async def test_ntlm_that_is_not_offered_is_told(
    microsoft_harness: MicrosoftHarness, opened: Open, schemes: list[str], words: str
) -> None:
    microsoft_harness.behave(schemes=schemes)
    with pytest.raises(BackendRefused, match=words):
        await (await opened()).check()


async def test_ntlm_within_negotiate_is_used_where_it_alone_is_offered(
    microsoft_harness: MicrosoftHarness, opened: Open
) -> None:
    microsoft_harness.behave(schemes=["Negotiate"])
    driver = await opened()
    assert isinstance(await issue(driver, microsoft_harness.options), Issued)


async def test_basic_is_sent_with_every_request(
    microsoft_harness: MicrosoftHarness, opened: Open
) -> None:
    microsoft_harness.behave(schemes=["Basic"])
    driver = await opened(auth="basic")
    assert isinstance(await issue(driver, microsoft_harness.options), Issued)
    assert refusals(microsoft_harness) == []


async def test_basic_with_a_wrong_password_is_refused(
    microsoft_harness: MicrosoftHarness, opened: Open
) -> None:
    microsoft_harness.behave(schemes=["Basic"])
    driver = await opened(microsoft_harness.wrong_secrets, auth="basic")
    with pytest.raises(BackendRefused, match="or IIS does not offer Basic"):
        await driver.check()


async def test_a_client_certificate_logs_on(
    microsoft_harness: MicrosoftHarness, opened: Open
) -> None:
    microsoft_harness.behave(schemes=["Certificate"])
    path = microsoft_harness.server.simulator.transport.credential(ENROLLER.sam)
    certificate, key = path.read_text().split("-----BEGIN PRIV")
    account = {"client_certificate": certificate, "client_key": f"-----BEGIN PRIV{key}"}
    secrets = MicrosoftSecrets.model_validate(
        microsoft_harness.secrets.model_dump() | {"enroller": account}
    )
    driver = await opened(secrets, auth="client_certificate")
    assert isinstance(await issue(driver, microsoft_harness.options), Issued)


async def test_kerberos_that_is_not_installed_says_what_to_install(
    microsoft_harness: MicrosoftHarness, opened: Open
) -> None:
    pytest.importorskip("spnego")
    try:
        import gssapi  # noqa: F401 -- whether it is there is the question
    except ImportError:
        driver = await opened(auth="kerberos")
        with pytest.raises(BackendRefused, match=r"scm-api\[kerberos\]"):
            await driver.check()
        assert refusals(microsoft_harness) == []
        return
    pytest.skip("Kerberos is installed")


async def test_ntlm_follows_kerberos_only_where_that_was_allowed(
    microsoft_harness: MicrosoftHarness, opened: Open
) -> None:
    with pytest.raises(BackendRefused):
        await (await opened(auth="kerberos")).check()
    assert microsoft_harness.calls() == []
    driver = await opened(auth="kerberos", allow_ntlm_fallback=True)
    assert isinstance(await issue(driver, microsoft_harness.options), Issued)


async def test_an_order_that_finds_no_free_connection_was_not_sent(
    microsoft_harness: MicrosoftHarness, opened: Open
) -> None:
    driver = await opened(max_connections=1, wait_seconds=0.3)
    await driver.check()
    microsoft_harness.fault("submit", "delay", seconds=1.5)
    busy = asyncio.create_task(driver.submit(new_order(), microsoft_harness.options))
    await asyncio.sleep(0.2)
    with pytest.raises(BackendUnavailable, match="in use") as caught:
        await driver.submit(new_order(), microsoft_harness.options)
    assert caught.value.retry_after is not None
    await busy
    assert len(microsoft_harness.entries("request")) == 1
