"""Every driver fulfils the same contract: revocation, credentials, and what it leaves open."""

import asyncio

import psutil
import pytest
from contract import Harness, RecordingLimiter, issue, needs, order_for
from cryptography import x509

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.base import Driver
from scm_api.drivers.errors import BackendRefused, DriverError, OrderRefused, OutcomeUnknown


async def test_wrong_credentials_are_refused_and_never_repeated(
    harness: Harness, limiter: RecordingLimiter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for secrets in (harness.secrets, harness.wrong_secrets):
        driver = await harness.kind.open(harness.connection, secrets, limiter)
        try:
            if secrets is harness.wrong_secrets:
                with pytest.raises(BackendRefused) as caught:
                    await driver.check()
                assert harness.confidential not in str(caught.value)
            else:
                await driver.check()
        finally:
            await driver.aclose()
    assert harness.confidential not in caplog.text


async def test_an_error_carries_nothing_of_the_request(harness: Harness, driver: Driver) -> None:
    with pytest.raises(DriverError) as caught:
        await driver.submit(order_for(harness), harness.wrong_options)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_f21_revoking_twice_is_done_once(harness: Harness, driver: Driver) -> None:
    needs(harness.kind.capabilities.can_revoke, "revocation")
    result = await issue(driver, harness.options, order_for(harness))
    serial = x509.load_der_x509_certificate(result.leaf_der).serial_number
    reason = RevocationReason.SUPERSEDED
    await driver.revoke(result.ca_ref, serial, reason, harness.options)
    await driver.revoke(result.ca_ref, serial, reason, harness.options)
    assert harness.revocations() == [serial]


async def test_f21_a_revocation_without_answer_can_be_repeated(
    harness: Harness, driver: Driver
) -> None:
    needs(harness.kind.capabilities.can_revoke, "revocation")
    result = await issue(driver, harness.options, order_for(harness))
    serial = x509.load_der_x509_certificate(result.leaf_der).serial_number
    harness.lose_answer("revoke")
    with pytest.raises(OutcomeUnknown):
        await driver.revoke(result.ca_ref, serial, RevocationReason.KEY_COMPROMISE, harness.options)
    await driver.revoke(result.ca_ref, serial, RevocationReason.KEY_COMPROMISE, harness.options)
    assert harness.revocations() == [serial]


@pytest.mark.parametrize("reason", list(RevocationReason))
async def test_revocation_reasons_are_those_of_the_capabilities(
    harness: Harness, driver: Driver, reason: RevocationReason
) -> None:
    capabilities = harness.kind.capabilities
    needs(capabilities.can_revoke, "revocation")
    result = await issue(driver, harness.options, order_for(harness))
    serial = x509.load_der_x509_certificate(result.leaf_der).serial_number
    if reason in capabilities.revocation_reasons:
        await driver.revoke(result.ca_ref, serial, reason, harness.options)
        assert harness.revocations() == [serial]
    else:
        with pytest.raises(OrderRefused):
            await driver.revoke(result.ca_ref, serial, reason, harness.options)
        assert harness.revocations() == []


async def test_t60_parallel_calls_use_their_own_credentials(
    harness: Harness, limiter: RecordingLimiter
) -> None:
    everybody = (harness.secrets, harness.other_secrets)
    drivers = [await harness.kind.open(harness.connection, each, limiter) for each in everybody]
    try:
        await asyncio.gather(*(driver.check() for driver in drivers * 10))
        calls = harness.callers()
        names = [harness.name_of(each) for each in everybody]
        assert len(set(names)) == 2
        assert {calls.count(name) for name in names} == {len(calls) // 2}
    finally:
        await asyncio.gather(*(driver.aclose() for driver in drivers))


async def test_aclose_closes_every_socket(harness: Harness, limiter: RecordingLimiter) -> None:
    process = psutil.Process()
    before = process.num_fds()
    driver = await harness.kind.open(harness.connection, harness.secrets, limiter)
    await asyncio.gather(*(driver.check() for _ in range(5)))
    await driver.aclose()
    for _ in range(50):
        if process.num_fds() <= before:
            break
        await asyncio.sleep(0.02)
    assert process.num_fds() <= before
