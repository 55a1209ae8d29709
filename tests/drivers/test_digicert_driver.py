"""What is special about CertCentral, against the simulator."""

from contract import RecordingLimiter, issue, order_for
from digicert_harness import DigiCertHarness

from scm_api.drivers.base import Issued
from scm_api.drivers.digicert.kind import DIGICERT


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
