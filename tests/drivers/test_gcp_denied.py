"""What CA Service denies of one pool or certificate is not denied of all."""

from collections.abc import AsyncIterator

import pytest
from contract import RecordingLimiter, new_order
from gcp_harness import GcpHarness, choosing

from gcp_service import WEB
from scm_api.drivers.base import Untraced
from scm_api.drivers.errors import BackendRefused
from scm_api.drivers.gcp.driver import GcpDriver, open_driver


@pytest.fixture
async def driver(gcp_harness: GcpHarness, limiter: RecordingLimiter) -> AsyncIterator[GcpDriver]:
    opened = await open_driver(gcp_harness.connection, gcp_harness.secrets, limiter)
    yield opened
    await opened.aclose()


@pytest.mark.parametrize("code", ["PERMISSION_DENIED", "NOT_FOUND"])
async def test_what_is_denied_on_one_pool_leaves_the_others_going(
    driver: GcpDriver, gcp_harness: GcpHarness, code: str
) -> None:
    before = await driver.check()
    for method in ("ListCertificateAuthorities", "TestIamPermissions"):
        gcp_harness.fault(method, "error", code=code)
        after = await driver.check()
        [finding] = set(after.findings) - set(before.findings)
        assert "/caPools/" in finding
    gcp_harness.fault("ListCertificateAuthorities", "error", code=code)
    with pytest.raises(BackendRefused) as caught:
        await driver.issuing_cas()
    assert not caught.value.whole_backend


async def test_a_certificate_that_may_not_be_read_leaves_the_others_going(
    driver: GcpDriver, gcp_harness: GcpHarness
) -> None:
    issued = await driver.submit(new_order(), choosing())
    gcp_harness.right("certificates.get", granted=False)
    with pytest.raises(BackendRefused) as caught:
        await driver.poll(issued.ca_ref, choosing())
    assert not caught.value.whole_backend


async def test_an_order_that_may_not_be_checked_leaves_the_others_going(
    driver: GcpDriver, gcp_harness: GcpHarness
) -> None:
    gcp_harness.right("certificates.create", granted=False)
    with pytest.raises(BackendRefused) as caught:
        await driver.check_order(new_order(), choosing())
    assert not caught.value.whole_backend


async def test_pools_that_may_all_not_be_read_are_refused_as_a_whole(
    driver: GcpDriver, gcp_harness: GcpHarness
) -> None:
    gcp_harness.right("certificateAuthorities.list", granted=False)
    with pytest.raises(BackendRefused, match=r"certificateAuthorities\.list"):
        await driver.check()


async def test_a_certificate_that_nobody_knows_is_no_decision(driver: GcpDriver) -> None:
    unknown = await driver.poll(f"{WEB}/certificates/o-unknown", choosing())
    assert isinstance(unknown, Untraced)
    assert "o-unknown" in unknown.detail
