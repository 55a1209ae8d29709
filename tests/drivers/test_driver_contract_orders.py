"""Every driver fulfils the same contract: orders, answers that get lost, and cancellations."""

import asyncio
from datetime import timedelta

import pytest
from contract import KEY, Harness, RecordingLimiter, issue, needs, order_for, outcome_of
from cryptography import x509

from scm_api.core.recovery import Guard
from scm_api.drivers.base import Canceled, Cancels, Driver, Issuance, Issued, Pending, Rejected
from scm_api.drivers.errors import BackendUnavailable, OrderRefused, OutcomeUnknown


async def test_an_order_becomes_a_certificate_for_the_key_of_the_csr(
    harness: Harness, driver: Driver
) -> None:
    order = order_for(harness, "a.example.com", "b.example.com")
    result = await issue(driver, harness.options, order)
    leaf = x509.load_der_x509_certificate(result.leaf_der)
    chain = map(x509.load_der_x509_certificate, result.chain_ders)  # in the CA's order
    (issuer,) = (each for each in chain if each.subject == leaf.issuer)
    assert leaf.public_key() == KEY.public_key()
    leaf.verify_directly_issued_by(issuer)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"a.example.com", "b.example.com"}
    assert harness.orders() == 1


async def test_submit_answers_as_the_capabilities_say(harness: Harness, driver: Driver) -> None:
    first = await driver.submit(order_for(harness), harness.options)
    expected: dict[Issuance, tuple[type, ...]] = {
        Issuance.IMMEDIATE: (Issued, Rejected),
        Issuance.DEFERRED: (Pending,),
        Issuance.EITHER: (Issued, Pending, Rejected),
    }
    assert isinstance(first, expected[harness.kind.capabilities.issuance])
    if isinstance(first, Pending):
        assert timedelta(0) <= first.poll_after <= timedelta(minutes=1)


async def test_a_repeated_token_is_the_same_order(harness: Harness, driver: Driver) -> None:
    needs(harness.kind.capabilities.duplicate_guard is Guard.TOKEN, "an idempotency token")
    order = order_for(harness)
    first = await driver.submit(order, harness.options)
    again = await driver.recover(order, harness.options)
    assert again == first
    assert harness.orders() == 1


async def test_f04_a_lost_answer_is_recovered_without_a_second_order(
    harness: Harness, driver: Driver
) -> None:
    needs(harness.kind.capabilities.duplicate_guard is not Guard.NONE, "a guard against repeats")
    order = order_for(harness)
    harness.lose_answer("submit")
    with pytest.raises(OutcomeUnknown):
        await driver.submit(order, harness.options)
    found = await driver.recover(order, harness.options)
    assert isinstance(found, (Issued, Pending))
    assert isinstance(await outcome_of(driver, found, harness.options), Issued)
    assert harness.orders() == 1


async def test_f04_a_lost_poll_changes_nothing(harness: Harness, driver: Driver) -> None:
    first = await driver.submit(order_for(harness), harness.options)
    needs(isinstance(first, Pending), "deferred issuance")
    assert isinstance(first, Pending)
    harness.lose_answer("poll")
    with pytest.raises(BackendUnavailable):
        await driver.poll(first.ca_ref, harness.options)
    assert isinstance(await outcome_of(driver, first, harness.options), Issued)


async def test_a_canceled_order_is_never_issued(harness: Harness, driver: Driver) -> None:
    needs(isinstance(driver, Cancels), "canceling")
    assert isinstance(driver, Cancels)
    harness.hold()
    waiting = await driver.submit(order_for(harness), harness.options)
    assert isinstance(waiting, Pending)
    harness.lose_answer("cancel")
    with pytest.raises(OutcomeUnknown):
        await driver.cancel(waiting.ca_ref, harness.options)
    assert isinstance(await driver.cancel(waiting.ca_ref, harness.options), Canceled)
    assert isinstance(await driver.poll(waiting.ca_ref, harness.options), Rejected)
    assert harness.orders() == 0


async def test_what_is_issued_is_not_canceled(harness: Harness, driver: Driver) -> None:
    needs(isinstance(driver, Cancels), "canceling")
    assert isinstance(driver, Cancels)
    issued = await issue(driver, harness.options, order_for(harness))
    with pytest.raises(OrderRefused):
        await driver.cancel(issued.ca_ref, harness.options)


async def test_f04_nobody_listening_is_unavailable(
    harness: Harness, limiter: RecordingLimiter
) -> None:
    driver = await harness.kind.open(harness.unreachable, harness.secrets, limiter)
    try:
        with pytest.raises(BackendUnavailable):
            await driver.check()
        with pytest.raises(BackendUnavailable):
            await driver.submit(order_for(harness), harness.options)
    finally:
        await driver.aclose()


async def test_f05_throttling_slows_everybody_down(
    harness: Harness, driver: Driver, limiter: RecordingLimiter
) -> None:
    harness.throttle("submit")
    with pytest.raises(BackendUnavailable) as caught:
        await driver.submit(order_for(harness), harness.options)
    assert caught.value.retry_after is not None
    (slowed,) = limiter.slowed
    assert slowed[1] == caught.value.retry_after
    assert slowed[0] == limiter.acquired[-1][0]
    assert harness.orders() == 0


async def test_f06_a_server_error_on_a_write_is_unknown_and_on_a_read_is_not(
    harness: Harness, driver: Driver
) -> None:
    harness.fail("submit")
    with pytest.raises(OutcomeUnknown):
        await driver.submit(order_for(harness), harness.options)
    first = await driver.submit(order_for(harness), harness.options)
    if isinstance(first, Pending):
        harness.fail("poll")
        with pytest.raises(BackendUnavailable):
            await driver.poll(first.ca_ref, harness.options)


async def test_every_call_is_paced(
    harness: Harness, driver: Driver, limiter: RecordingLimiter
) -> None:
    await issue(driver, harness.options, order_for(harness))
    assert limiter.acquired
    assert len(limiter.acquired) == len(harness.callers())
    assert all(per_second > 0 for _, per_second in limiter.acquired)
    assert all(len(key) <= 256 for key, _ in limiter.acquired)


async def test_an_order_the_ca_refuses_is_refused_in_its_words(
    harness: Harness, driver: Driver
) -> None:
    with pytest.raises(OrderRefused) as caught:
        await driver.submit(order_for(harness), harness.wrong_options)
    assert caught.value.code
    assert caught.value.detail
    assert harness.orders() == 0


async def test_parallel_orders_each_get_their_own_certificate(
    harness: Harness, driver: Driver
) -> None:
    orders = [order_for(harness, f"host{n}.example.com") for n in range(10)]
    results = await asyncio.gather(*(issue(driver, harness.options, each) for each in orders))
    serials = {x509.load_der_x509_certificate(each.leaf_der).serial_number for each in results}
    assert len(serials) == len(orders) == harness.orders()
