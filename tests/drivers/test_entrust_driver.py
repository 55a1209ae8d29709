"""What is special about ECS, against the simulator."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from contract import RecordingLimiter, issue, order_for
from cryptography import x509
from entrust_harness import EntrustHarness, credential

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.base import Driver, Issued, Pending, Rejected, Untraced
from scm_api.drivers.entrust.kind import ENTRUST
from scm_api.drivers.entrust.options import EntrustSecrets
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.sandbox import entrust


@pytest.fixture
async def driver(
    entrust_harness: EntrustHarness, limiter: RecordingLimiter
) -> AsyncIterator[Driver]:
    opened = await ENTRUST.open(entrust_harness.connection, entrust_harness.secrets, limiter)
    yield opened
    await opened.aclose()


@pytest.mark.parametrize(
    "life",
    [
        {"not_after": datetime(2027, 3, 1, 12, 0, tzinfo=UTC)},
        {"now": datetime(2027, 2, 19, 12, 0, tzinfo=UTC), "term_days": 10},  # whatever time it is
    ],
)
async def test_an_end_is_a_day_and_never_later_than_asked(
    entrust_harness: EntrustHarness, driver: Driver, life: dict[str, Any]
) -> None:
    order = replace(order_for(entrust_harness), **life)
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


@pytest.mark.parametrize("relation", ["renews_ca_ref", "reissues_ca_ref"])
async def test_what_follows_is_of_the_product_that_is_wanted_now(
    entrust_harness: EntrustHarness, driver: Driver, relation: str
) -> None:
    past = -timedelta(days=31).total_seconds()
    entrust_harness.control("PATCH", "/settings", {"clock_offset_seconds": past})
    first = await issue(driver, entrust_harness.options, order_for(entrust_harness))
    entrust_harness.control("PATCH", "/settings", {"clock_offset_seconds": 0})
    again = replace(order_for(entrust_harness), **{relation: first.ca_ref})
    await issue(driver, entrust_harness.ordering("PRIVATE_SSL"), again)
    placed = entrust_harness.entries("order")[1]
    assert (placed["cert_type"], placed["follows"]) == ("PRIVATE_SSL", None)


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


async def test_what_is_about_to_be_issued_is_not_found(
    entrust_harness: EntrustHarness, driver: Driver
) -> None:
    """Which is why ECS is looked through for a while, and never ordered from again."""
    entrust_harness.control("PATCH", "/settings", {"immediate": False, "processing_seconds": 3600})
    order = order_for(entrust_harness)
    entrust_harness.lose_answer("submit")
    with pytest.raises(OutcomeUnknown):
        await driver.submit(order, entrust_harness.options)
    assert isinstance(await driver.recover(order, entrust_harness.options), Untraced)
    entrust_harness.control("PATCH", "/settings", {"clock_offset_seconds": 3601})
    [entry] = entrust_harness.entries("order")
    waiting = await driver.poll(str(entry["tracking_id"]), entrust_harness.options)
    assert await driver.recover(order, entrust_harness.options) == waiting


async def test_a_lost_order_without_names_is_found_by_its_product(
    entrust_harness: EntrustHarness, driver: Driver
) -> None:
    code = entrust_harness.ordering("CODE_SIGNING")
    order = replace(order_for(entrust_harness), names=(), common_name="Umbra Works, Inc. & Co")
    entrust_harness.lose_answer("submit")
    with pytest.raises(OutcomeUnknown):
        await driver.submit(replace(order, token=str(uuid4())), code)
    await issue(driver, entrust_harness.options, order_for(entrust_harness))
    assert isinstance(await driver.recover(order, code), Untraced)
    entrust_harness.lose_answer("submit")
    with pytest.raises(OutcomeUnknown):
        await driver.submit(order, code)
    found = await driver.recover(order, code)
    assert isinstance(found, Issued)
    assert found.ca_ref == str(entrust_harness.entries("order")[-1]["tracking_id"])


async def test_an_order_without_any_name_is_refused_before_it_is_sent(
    entrust_harness: EntrustHarness, driver: Driver
) -> None:
    order = replace(order_for(entrust_harness), names=(), common_name=None)
    with pytest.raises(OrderRefused, match="wants a common name"):
        await driver.submit(order, entrust_harness.options)
    assert entrust_harness.orders() == 0


async def test_a_reference_that_ecs_does_not_know_is_no_decision(
    entrust_harness: EntrustHarness, driver: Driver
) -> None:
    unknown = await driver.poll("4711", entrust_harness.options)
    assert unknown == Untraced("The certificate was not found")
