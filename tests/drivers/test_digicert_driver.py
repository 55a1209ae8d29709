"""What is special about CertCentral, against the simulator."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from contract import RecordingLimiter, issue, order_for
from digicert_harness import DigiCertHarness, secrets_of
from scripted_server import answer, scripted

from scm_api.drivers.base import FollowsMany, Issued, Pending, Rejected, Untraced
from scm_api.drivers.digicert.kind import DIGICERT
from scm_api.drivers.digicert.wire import Requested, own_reissue
from scm_api.drivers.errors import BackendRefused, BackendUnavailable
from scm_api.sandbox.digicert import VIEW_KEY


class Elsewhere(RecordingLimiter):
    """Another process has just read what changed; the next turn comes in a while."""

    async def acquire(self, key: str, per_second: float) -> None:
        if key.endswith("/changes"):
            raise BackendUnavailable("not now", retry_after=timedelta(seconds=17))
        await super().acquire(key, per_second)


async def test_f15_two_hits_are_the_older_one(
    digicert_harness: DigiCertHarness, limiter: RecordingLimiter
) -> None:
    driver = await DIGICERT.open(digicert_harness.connection, digicert_harness.secrets, limiter)
    order = order_for(digicert_harness)
    first, _ = [await issue(driver, digicert_harness.options, order) for _ in range(2)]
    found = await driver.recover(order, digicert_harness.options)
    assert isinstance(found, Issued)
    assert found.ca_ref == first.ca_ref
    await driver.aclose()


@pytest.mark.parametrize(
    ("key", "whole"), [(VIEW_KEY, False), (DigiCertHarness.confidential, True)]
)
async def test_a_right_that_is_missing_stops_nothing_else(
    digicert_harness: DigiCertHarness, limiter: RecordingLimiter, key: str, whole: bool
) -> None:
    driver = await DIGICERT.open(digicert_harness.connection, secrets_of(key), limiter)
    with pytest.raises(BackendRefused) as caught:
        await driver.submit(order_for(digicert_harness), digicert_harness.options)
    assert caught.value.whole_backend is whole
    await driver.aclose()


@pytest.mark.parametrize("found", ["100/abc", "100?x", "../user/me", "1" * 20])
async def test_what_a_person_found_is_a_number_or_nobody_is_asked(
    digicert_harness: DigiCertHarness, limiter: RecordingLimiter, found: str
) -> None:
    driver = await DIGICERT.open(digicert_harness.connection, digicert_harness.secrets, limiter)
    assert isinstance(await driver.poll(found, digicert_harness.options), Rejected)
    assert limiter.acquired == []
    await driver.aclose()


async def test_the_next_look_is_when_the_changes_may_be_read_again(
    digicert_harness: DigiCertHarness,
) -> None:
    secrets = digicert_harness.secrets
    driver = await DIGICERT.open(digicert_harness.connection, secrets, Elsewhere())
    digicert_harness.hold()
    held = await driver.submit(order_for(digicert_harness), digicert_harness.options)
    assert isinstance(held, Pending)
    assert isinstance(driver, FollowsMany)
    look = await driver.poll_since(held.ca_ref, digicert_harness.options, datetime.now(UTC))
    assert look == Pending(held.ca_ref, timedelta(seconds=17), None)
    await driver.aclose()


async def test_f13_a_reissue_that_somebody_else_asked_for_is_not_ours(
    digicert_harness: DigiCertHarness, limiter: RecordingLimiter
) -> None:
    harness, options = digicert_harness, digicert_harness.options
    driver = await DIGICERT.open(harness.connection, harness.secrets, limiter)
    asking = await DIGICERT.open(harness.connection, harness.other_secrets, limiter)
    first = await issue(driver, options, order_for(harness))
    sent, lost = (replace(order_for(harness), reissues_ca_ref=first.ca_ref) for _ in range(2))
    waiting = await asking.submit(sent, options)
    assert isinstance(waiting, Pending)
    found = await driver.recover(sent, options)
    assert isinstance(found, Pending)
    assert found.ca_ref == waiting.ca_ref
    assert isinstance(await driver.recover(lost, options), Untraced)
    for each in (driver, asking):
        await each.aclose()


@pytest.mark.parametrize(
    ("comments", "found"),
    [
        (("{token}", "{token}", "", ""), 2),
        (("{token}", "", "of another", "Shop {token}"), 4),
        (("{token}", "Shop", "of another", "of another"), 2),
        (("{token}", "of another", "of another", "of another"), None),
    ],
)
def test_f13_our_reissue_is_the_one_with_our_token(
    digicert_harness: DigiCertHarness, comments: Sequence[str], found: int | None
) -> None:
    order = replace(order_for(digicert_harness), comment="Shop")
    said = [each.format(token=order.token) for each in comments]
    reissues = {n: Requested(n, "pending", each) for n, each in enumerate(said, 1)}
    assert own_reissue(reissues, order, after=1) == found


@pytest.mark.parametrize(
    ("order", "request_to_reissue"),
    [
        ("issued", "pending"),
        ("issued", "submitted"),
        ("issued", "needs_approval"),
        ("reissue_pending", "approved"),  # and DigiCert still validates
        ("processing", "approved"),
    ],
)
async def test_a_reissue_is_not_the_certificate_that_its_order_still_holds(
    digicert_harness: DigiCertHarness, order: str, request_to_reissue: str
) -> None:
    request = {"id": 2, "type": "reissue", "status": request_to_reissue}
    old = {"id": 5, "serial_number": "0A"}
    shown = {"id": 1, "status": order, "certificate": old, "requests": [request]}
    async with scripted(answer(json.dumps(shown).encode())) as server:
        there = {"endpoint_url": f"http://127.0.0.1:{server.port}"}
        connection = digicert_harness.connection.model_copy(update=there)
        driver = await DIGICERT.open(connection, digicert_harness.secrets, RecordingLimiter())
        assert isinstance(await driver.poll("1/2", digicert_harness.options), Pending)
        await driver.aclose()
