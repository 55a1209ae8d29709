"""What is special about ECS and CA Gateway, against the simulator."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from contract import RecordingLimiter, issue, order_for
from cryptography import x509
from entrust_harness import EntrustHarness

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.base import Driver, Issued, Pending, Rejected, Untraced
from scm_api.drivers.entrust.kind import ENTRUST
from scm_api.drivers.entrust.options import EntrustProfileOptions, EntrustSecrets
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, OrderRefused
from scm_api.sandbox import entrust

GATEWAY = EntrustProfileOptions.model_validate(
    {
        "backend_type": "entrust",
        "ca_gateway": {"ca_id": entrust.CA_ID, "profile_id": "privatessl-tls-server"},
    }
)


@pytest.fixture
async def driver(
    entrust_harness: EntrustHarness, limiter: RecordingLimiter
) -> AsyncIterator[Driver]:
    opened = await ENTRUST.open(entrust_harness.connection, entrust_harness.secrets, limiter)
    yield opened
    await opened.aclose()


def credential(server: entrust.RunningServer, user: str) -> dict[str, str]:
    text = server.simulator.transport.credential(user).read_text()
    certificate, key = text.split("-----BEGIN PRIV")
    return {"client_certificate": certificate, "client_key": f"-----BEGIN PRIV{key}"}


@pytest.fixture
async def gateway(
    entrust_server: entrust.RunningServer,
    entrust_harness: EntrustHarness,
    limiter: RecordingLimiter,
) -> AsyncIterator[Driver]:
    connection = entrust_harness.connection.model_copy(update={"api": "ca_gateway"})
    secrets = EntrustSecrets.model_validate(
        {"backend_type": "entrust"} | credential(entrust_server, entrust.GATEWAY_USER)
    )
    opened = await ENTRUST.open(connection, secrets, limiter)
    yield opened
    await opened.aclose()


async def test_an_end_is_a_day_and_never_later_than_asked(
    entrust_harness: EntrustHarness, driver: Driver
) -> None:
    asked = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
    order = replace(order_for(entrust_harness), not_after=asked)
    issued = await issue(driver, entrust_harness.options, order)
    leaf = x509.load_der_x509_certificate(issued.leaf_der)
    assert leaf.not_valid_after_utc == datetime(2027, 2, 28, 23, 59, 59, tzinfo=UTC)


async def test_an_account_without_pooling_takes_whole_years(
    entrust_harness: EntrustHarness, limiter: RecordingLimiter
) -> None:
    entrust_harness.control("PATCH", "/settings", {"pooling": False, "cap_days": None})
    connection = entrust_harness.connection.model_copy(update={"pooling": False})
    driver = await ENTRUST.open(connection, entrust_harness.secrets, limiter)
    year = replace(order_for(entrust_harness), term_days=365)
    assert isinstance(await driver.submit(year, entrust_harness.options), Issued)
    with pytest.raises(OrderRefused, match="365, 730 or 1095"):
        await driver.submit(order_for(entrust_harness), entrust_harness.options)
    assert len(entrust_harness.entries("order")) == 1
    await driver.aclose()


@pytest.mark.parametrize(("days", "follows"), [(29, None), (31, "renewal")])
async def test_only_what_is_thirty_days_old_is_renewed_at_entrust(
    entrust_harness: EntrustHarness, driver: Driver, days: int, follows: str | None
) -> None:
    past = -timedelta(days=days).total_seconds()
    entrust_harness.control("PATCH", "/settings", {"clock_offset_seconds": past})
    first = await issue(driver, entrust_harness.options, order_for(entrust_harness))
    entrust_harness.control("PATCH", "/settings", {"clock_offset_seconds": 0})
    again = replace(order_for(entrust_harness), renews_ca_ref=first.ca_ref)
    await issue(driver, entrust_harness.options, again)
    expected = [follows, int(first.ca_ref)] if follows else None
    assert entrust_harness.entries("order")[1]["follows"] == expected


async def test_f15_two_hits_are_the_older_one(
    entrust_harness: EntrustHarness, driver: Driver
) -> None:
    order = order_for(entrust_harness)
    first, _ = [await issue(driver, entrust_harness.options, order) for _ in range(2)]
    found = await driver.recover(order, entrust_harness.options)
    assert isinstance(found, Issued)
    assert found.ca_ref == first.ca_ref


async def test_a_look_up_may_find_nothing_yet(
    entrust_harness: EntrustHarness, driver: Driver
) -> None:
    entrust_harness.control("PATCH", "/settings", {"lookup_delay_seconds": 60})
    order = order_for(entrust_harness)
    entrust_harness.lose_answer("submit")
    with pytest.raises(Exception, match="did not answer"):
        await driver.submit(order, entrust_harness.options)
    assert isinstance(await driver.recover(order, entrust_harness.options), Untraced)
    entrust_harness.control("PATCH", "/settings", {"lookup_delay_seconds": 0})
    assert isinstance(await driver.recover(order, entrust_harness.options), Issued)


async def test_a_look_up_stops_at_what_is_older_than_the_order(
    entrust_harness: EntrustHarness, driver: Driver
) -> None:
    for _ in range(3):
        await issue(driver, entrust_harness.options, order_for(entrust_harness))
    before = len(entrust_harness.entries("order"))
    later = datetime.now(UTC) + timedelta(hours=2)
    order = replace(order_for(entrust_harness), sent_since=later)
    assert isinstance(await driver.recover(order, entrust_harness.options), Untraced)
    reads = entrust_harness.control("GET", "/calls?operation=get_certificate")["entries"]
    assert (before, len(reads)) == (3, 1)


async def test_an_empty_list_may_be_404(entrust_harness: EntrustHarness, driver: Driver) -> None:
    entrust_harness.control("PATCH", "/settings", {"empty_list_is_404": True})
    found = await driver.recover(order_for(entrust_harness), entrust_harness.options)
    assert isinstance(found, Untraced)


async def test_a_declined_request_is_rejected(
    entrust_harness: EntrustHarness, limiter: RecordingLimiter
) -> None:
    driver = await ENTRUST.open(entrust_harness.connection, entrust_harness.other_secrets, limiter)
    first = await driver.submit(order_for(entrust_harness), entrust_harness.options)
    assert isinstance(first, Pending)
    waiting = await driver.poll(first.ca_ref, entrust_harness.options)
    assert isinstance(waiting, Pending)
    assert waiting.waits_for == "an administrator of the Entrust account"
    assert hasattr(driver, "cancel")
    await driver.cancel(first.ca_ref, entrust_harness.options)
    assert isinstance(await driver.poll(first.ca_ref, entrust_harness.options), Rejected)
    await driver.aclose()


async def test_reasons_an_account_refuses_are_sent_as_unspecified(
    entrust_harness: EntrustHarness, limiter: RecordingLimiter
) -> None:
    reasons = ["keyCompromise", "unspecified"]
    entrust_harness.control("PATCH", "/settings", {"crl_reasons": reasons})
    connection = entrust_harness.connection.model_copy(
        update={"revocation_reasons": "key_compromise_only"}
    )
    driver = await ENTRUST.open(connection, entrust_harness.secrets, limiter)
    for reason in (RevocationReason.SUPERSEDED, RevocationReason.KEY_COMPROMISE):
        made = await issue(driver, entrust_harness.options, order_for(entrust_harness))
        serial = x509.load_der_x509_certificate(made.leaf_der).serial_number
        await driver.revoke(made.ca_ref, serial, reason, entrust_harness.options)
    found = [each["reason"] for each in entrust_harness.entries("revocation")]
    assert found == ["unspecified", "keyCompromise"]
    await driver.aclose()


async def test_another_certificate_is_not_revoked(
    entrust_harness: EntrustHarness, driver: Driver
) -> None:
    made = await issue(driver, entrust_harness.options, order_for(entrust_harness))
    with pytest.raises(OrderRefused, match="another certificate"):
        await driver.revoke(
            made.ca_ref, 4711, RevocationReason.UNSPECIFIED, entrust_harness.options
        )
    assert entrust_harness.entries("revocation") == []


async def test_f05_retry_after_is_kept(
    entrust_harness: EntrustHarness, driver: Driver, limiter: RecordingLimiter
) -> None:
    entrust_harness.control("PATCH", "/settings", {"rate_limits": [[1, 7.0]]})
    await driver.check()
    with pytest.raises(BackendUnavailable) as caught:
        await driver.check()
    assert caught.value.retry_after == timedelta(seconds=7)
    assert [wait for _, wait in limiter.slowed] == [timedelta(seconds=7)]


async def test_a_client_certificate_is_brought_where_one_was_chosen(
    entrust_harness: EntrustHarness,
    entrust_server: entrust.RunningServer,
    limiter: RecordingLimiter,
) -> None:
    user = entrust.CERTIFICATE_USER
    given = {"backend_type": "entrust", "username": user.name, "api_key": user.api_key}
    bare = await ENTRUST.open(
        entrust_harness.connection, EntrustSecrets.model_validate(given), limiter
    )
    with pytest.raises(BackendRefused, match="client certificate"):
        await bare.check()
    await bare.aclose()
    whole = EntrustSecrets.model_validate(given | credential(entrust_server, user.name))
    driver = await ENTRUST.open(entrust_harness.connection, whole, limiter)
    await driver.check()
    await driver.aclose()


async def test_a_server_that_is_not_trusted_gets_nothing(
    entrust_harness: EntrustHarness, limiter: RecordingLimiter
) -> None:
    connection = entrust_harness.connection.model_copy(update={"trusted_certificates": None})
    driver = await ENTRUST.open(connection, entrust_harness.secrets, limiter)
    with pytest.raises(BackendUnavailable, match="certificate"):
        await driver.submit(order_for(entrust_harness), entrust_harness.options)
    assert entrust_harness.callers() == []
    await driver.aclose()


async def test_ca_gateway_issues_finds_again_and_revokes(
    entrust_harness: EntrustHarness, gateway: Driver
) -> None:
    assert (await gateway.check()).visible_cas == 2
    order = replace(order_for(entrust_harness), sent_since=datetime.now(UTC))
    issued = await gateway.submit(order, GATEWAY)
    assert isinstance(issued, Issued)
    assert await gateway.recover(order, GATEWAY) == issued
    assert await gateway.poll(issued.ca_ref, GATEWAY) == issued
    leaf = x509.load_der_x509_certificate(issued.leaf_der)
    for _ in range(2):
        await gateway.revoke(
            issued.ca_ref, leaf.serial_number, RevocationReason.SUPERSEDED, GATEWAY
        )
    assert entrust_harness.revocations() == [leaf.serial_number]


async def test_ca_gateway_never_takes_an_older_certificate_for_ours(
    entrust_harness: EntrustHarness, gateway: Driver
) -> None:
    """The same key may have been certified before: a renewal with the same key."""
    past = -timedelta(hours=1).total_seconds()
    entrust_harness.control("PATCH", "/settings", {"clock_offset_seconds": past})
    order = replace(order_for(entrust_harness), sent_since=datetime.now(UTC))
    await gateway.submit(order, GATEWAY)
    entrust_harness.control("PATCH", "/settings", {"clock_offset_seconds": 0})
    assert isinstance(await gateway.recover(order, GATEWAY), Untraced)


async def test_ca_gateway_lists_the_profiles_of_its_cas(gateway: Driver) -> None:
    products: Any = gateway
    found = [each.id for each in await products.products()]
    assert f"{entrust.CA_ID}/privatessl-tls-server" in found
    assert await products.external_organizations() == []


async def test_ca_gateways_refusals_are_in_its_words(
    entrust_harness: EntrustHarness, gateway: Driver
) -> None:
    unknown = EntrustProfileOptions.model_validate(
        {
            "backend_type": "entrust",
            "ca_gateway": {"ca_id": entrust.CA_ID, "profile_id": "unknown"},
        }
    )
    with pytest.raises(OrderRefused, match="There is no such profile"):
        await gateway.submit(order_for(entrust_harness), unknown)
