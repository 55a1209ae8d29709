"""What is peculiar to CA Service: two ids, tiers, states, quotas, and names that are dropped."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from contract import RecordingLimiter, new_order
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from gcp_harness import GcpHarness, choosing

from csrs import csr_for
from gcp_service import FAST, NAMELESS, SERVER, STRICT, WEB
from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.base import CheckReport
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.drivers.gcp.driver import GcpDriver, open_driver
from scm_api.drivers.gcp.options import GcpSecrets

NOBODY = GcpSecrets(backend_type="gcp")
REASON = RevocationReason.SUPERSEDED


@pytest.fixture
async def driver(gcp_harness: GcpHarness, limiter: RecordingLimiter) -> AsyncIterator[GcpDriver]:
    opened = await open_driver(gcp_harness.connection, gcp_harness.secrets, limiter)
    yield opened
    await opened.aclose()


def names_of(leaf_der: bytes) -> list[str]:
    leaf = x509.load_der_x509_certificate(leaf_der)
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return found.get_values_for_type(x509.DNSName)


async def test_both_ids_follow_from_the_token(driver: GcpDriver, gcp_harness: GcpHarness) -> None:
    order = new_order()
    issued = await driver.submit(order, choosing())
    [entry] = gcp_harness.ledger("certificate")
    assert entry["name"] == issued.ca_ref == f"{WEB}/certificates/o-{order.token.replace('-', '')}"
    again = replace(order, enrollment_id=uuid4())
    await driver.submit(again, choosing())
    assert len(gcp_harness.ledger("certificate")) == 1


async def test_f02_already_exists_is_our_lost_answer(
    driver: GcpDriver, gcp_harness: GcpHarness
) -> None:
    """The request id is forgotten after an hour, the certificate id never."""
    order = new_order()
    gcp_harness.fault("CreateCertificate", "close", when="after")
    with pytest.raises(OutcomeUnknown):
        await driver.submit(order, choosing())
    gcp_harness.behave(clock_offset_seconds=3700)
    found = await driver.recover(order, choosing())
    [entry] = gcp_harness.ledger("certificate")
    assert found.ca_ref == entry["name"]
    statuses = [each["status"] for each in gcp_harness.calls("CreateCertificate")]
    assert statuses == ["UNAVAILABLE", "ALREADY_EXISTS"]


async def test_already_exists_for_another_key_is_refused(driver: GcpDriver) -> None:
    order = new_order()
    await driver.submit(order, choosing())
    csr = x509.load_pem_x509_csr(csr_for("www.example.com").encode())
    # Spelled otherwise, the token makes the same certificate id and another request id.
    other = replace(
        order, token=order.token.replace("-", ""), csr_der=csr.public_bytes(Encoding.DER)
    )
    with pytest.raises(OrderRefused, match="for another key") as caught:
        await driver.submit(other, choosing())
    assert caught.value.code == "ALREADY_EXISTS"


async def test_already_exists_that_cannot_be_read_stays_unknown(
    driver: GcpDriver, gcp_harness: GcpHarness
) -> None:
    order = new_order()
    await driver.submit(order, choosing())
    gcp_harness.behave(clock_offset_seconds=3700)
    gcp_harness.right("certificates.get", granted=False)
    with pytest.raises(OutcomeUnknown, match="certificateManager"):
        await driver.recover(order, choosing())


async def test_f04_a_deadline_on_a_write_is_unknown_and_the_next_call_goes_through(
    gcp_harness: GcpHarness, limiter: RecordingLimiter
) -> None:
    connection = gcp_harness.reaching(gcp_harness.url, call_timeout_seconds=0.3)
    driver = await open_driver(connection, gcp_harness.secrets, limiter)
    try:
        order = new_order()
        await driver.check()
        gcp_harness.fault("CreateCertificate", "hang", when="after")
        with pytest.raises(OutcomeUnknown, match="DEADLINE_EXCEEDED"):
            await driver.submit(order, choosing())
        assert (await driver.recover(order, choosing())).leaf_der
        assert gcp_harness.orders() == 1
        gcp_harness.fault("ListCaPools", "hang", count=3)
        with pytest.raises(BackendUnavailable, match="DEADLINE_EXCEEDED"):
            await driver.check()
    finally:
        await driver.aclose()


async def test_reads_are_repeated_where_nobody_answered(
    driver: GcpDriver, gcp_harness: GcpHarness
) -> None:
    gcp_harness.fault("ListCaPools", "close", count=2)
    assert isinstance(await driver.check(), CheckReport)
    gcp_harness.fault("ListCaPools", "error", code="INTERNAL", count=3)
    with pytest.raises(BackendUnavailable):
        await driver.check()


@pytest.mark.parametrize(("told", "expected"), [(30.0, 30), (0, 2), (7200, 600)])
async def test_f05_a_used_up_quota_slows_everybody_down(
    driver: GcpDriver,
    gcp_harness: GcpHarness,
    limiter: RecordingLimiter,
    told: float,
    expected: int,
) -> None:
    gcp_harness.fault("CreateCertificate", "error", code="RESOURCE_EXHAUSTED", seconds=told)
    with pytest.raises(BackendUnavailable, match="quota") as caught:
        await driver.submit(new_order(), choosing())
    assert caught.value.retry_after == timedelta(seconds=expected)
    assert limiter.slowed == [(limiter.acquired[-1][0], timedelta(seconds=expected))]


@pytest.mark.parametrize(
    ("authority", "rate", "key"),
    [
        (WEB, 6.3, "web"),
        (f"{WEB}/certificateAuthorities/web-2", 6.3, "web:web-2"),
        (FAST, 22.5, "fast"),
    ],
)
async def test_the_pace_is_that_of_the_tier(
    driver: GcpDriver, limiter: RecordingLimiter, authority: str, rate: float, key: str
) -> None:
    await driver.submit(new_order(), choosing(authority))
    paces = [each for each in limiter.acquired if not each[0].endswith(":read")]
    assert paces == [(f"gcp:umbra-pki:europe-west1:{key}", rate)]


async def test_two_enabled_cas_are_twice_as_fast(
    driver: GcpDriver, gcp_harness: GcpHarness, limiter: RecordingLimiter
) -> None:
    gcp_harness.state(WEB, "web-2", "ENABLED")
    await driver.submit(new_order(), choosing())
    assert ("gcp:umbra-pki:europe-west1:web", 12.6) in limiter.acquired


async def test_without_the_right_to_look_it_is_ordered_slowly(
    driver: GcpDriver, gcp_harness: GcpHarness, limiter: RecordingLimiter
) -> None:
    for right in ("caPools.get", "certificateAuthorities.list"):
        gcp_harness.right(right, granted=False)
    issued = await driver.submit(new_order(), choosing(FAST))
    assert issued.issuer_pems is None
    assert ("gcp:umbra-pki:europe-west1:fast", 6.3) in limiter.acquired


@pytest.mark.parametrize(
    ("right", "role"),
    [
        ("certificates.create", "certificateRequester"),
        ("certificateTemplates.use", "templateUser"),
    ],
)
async def test_a_missing_permission_is_named_with_a_role_that_has_it(
    driver: GcpDriver, gcp_harness: GcpHarness, right: str, role: str
) -> None:
    gcp_harness.right(right, granted=False)
    with pytest.raises(BackendRefused) as caught:
        await driver.submit(new_order(), choosing(WEB, template=SERVER))
    assert f"privateca.{right} (roles/privateca.{role} has it)" in caught.value.detail
    assert "or there is no such resource" in caught.value.detail
    assert not caught.value.whole_backend


async def test_a_location_that_may_not_be_read_is_refused_as_a_whole(
    driver: GcpDriver, gcp_harness: GcpHarness
) -> None:
    gcp_harness.right("caPools.list", granted=False)
    with pytest.raises(BackendRefused, match="auditor") as caught:
        await driver.check()
    assert caught.value.whole_backend


async def test_check_finds_what_an_administrator_should_know(
    driver: GcpDriver, gcp_harness: GcpHarness
) -> None:
    gcp_harness.state(FAST, "fast-1", "DISABLED")
    gcp_harness.right("certificates.update", granted=False)
    findings = (await driver.check()).findings
    assert "The pool fast has no enabled CA and does not issue." in findings
    assert "The pool web publishes no CRL: nobody learns of revocations." in findings
    lacking = "On the pool web the credentials lack privateca.certificates.update"
    assert [lacking in each for each in findings].count(True) == 1
    for pool, authority in ((WEB, "web-1"), (WEB, "web-2"), (STRICT, "strict-1")):
        gcp_harness.state(pool, authority, "DISABLED")
    assert (await driver.check()).findings[0] == "No pool of the location has a CA that issues."


async def test_devops_pools_issue_and_are_recovered_within_the_hour_only(
    driver: GcpDriver, gcp_harness: GcpHarness
) -> None:
    order = new_order()
    first = await driver.submit(order, choosing(FAST))
    assert await driver.recover(order, choosing(FAST)) == first
    assert gcp_harness.orders() == 1
    with pytest.raises(OrderRefused, match="DEVOPS"):
        await driver.revoke(first.ca_ref, 1, REASON, choosing(FAST))


async def test_staged_cas_issue_by_their_name_and_disabled_ones_never(driver: GcpDriver) -> None:
    staged = await driver.submit(new_order(), choosing(f"{WEB}/certificateAuthorities/web-2"))
    assert staged.issuer_pems is None
    with pytest.raises(OrderRefused, match="DISABLED") as caught:
        await driver.submit(new_order(), choosing(f"{WEB}/certificateAuthorities/web-0"))
    assert caught.value.code == "FAILED_PRECONDITION"


async def test_the_certificates_of_a_pool_are_those_that_take_turns(
    driver: GcpDriver, gcp_harness: GcpHarness
) -> None:
    async def pool_pem() -> str:
        [found] = [ca for ca in await driver.issuing_cas() if ca.id == WEB]
        return found.certificate_pem or ""

    assert (await pool_pem()).count("BEGIN") == 1
    gcp_harness.state(WEB, "web-2", "ENABLED")
    assert (await pool_pem()).count("BEGIN") == 2


async def test_the_cas_of_a_pool_come_with_what_it_issued(driver: GcpDriver) -> None:
    issued = await driver.submit(new_order(), choosing())
    assert issued.issuer_pems is not None
    ders = [x509.load_pem_x509_certificate(each.encode()) for each in issued.issuer_pems]
    assert x509.load_der_x509_certificate(issued.chain_ders[0]) in ders


async def test_names_dropped_without_a_word_are_seen_in_the_certificate(driver: GcpDriver) -> None:
    issued = await driver.submit(new_order("a.example.com"), choosing(WEB, template=NAMELESS))
    assert names_of(issued.leaf_der) == []


async def test_a_life_is_refused_beyond_the_policy_and_counted_from_now(
    driver: GcpDriver, gcp_harness: GcpHarness
) -> None:
    with pytest.raises(OrderRefused, match="exceeds the maximum lifetime"):
        await driver.submit(new_order(term_days=399), choosing(WEB, template=SERVER))
    gcp_harness.behave(clock_offset_seconds=3600)
    now = datetime.now(UTC) + timedelta(hours=1)  # by every clock but ours
    end = now + timedelta(hours=30)
    issued = await driver.submit(replace(new_order(), now=now, not_after=end), choosing())
    leaf = x509.load_der_x509_certificate(issued.leaf_der)
    assert end - timedelta(seconds=10) < leaf.not_valid_after_utc <= end


async def test_f11_a_life_is_cut_at_the_end_of_the_ca(driver: GcpDriver) -> None:
    [pool] = [ca for ca in await driver.issuing_cas() if ca.id == WEB]
    assert pool.not_after is not None
    issued = await driver.submit(new_order(term_days=36_500), choosing())
    leaf = x509.load_der_x509_certificate(issued.leaf_der)
    assert leaf.not_valid_after_utc == pool.not_after


async def test_orders_are_judged_without_being_taken(
    driver: GcpDriver, gcp_harness: GcpHarness
) -> None:
    await driver.check_order(new_order(), choosing())
    with pytest.raises(OrderRefused, match="public key"):
        await driver.check_order(new_order(), choosing(STRICT))
    assert gcp_harness.orders() == 0


async def test_what_is_wrong_is_said_with_its_field(driver: GcpDriver) -> None:
    with pytest.raises(OrderRefused) as caught:
        await driver.submit(new_order(term_days=0), choosing())
    assert caught.value.code == "INVALID_ARGUMENT"
    assert "certificate.lifetime: " in caught.value.detail


@pytest.mark.parametrize("code", ["ABORTED", "UNIMPLEMENTED", "UNAUTHENTICATED", "DATA_LOSS"])
async def test_codes_of_a_write(driver: GcpDriver, gcp_harness: GcpHarness, code: str) -> None:
    expected = {"ABORTED": BackendUnavailable, "DATA_LOSS": OutcomeUnknown}
    gcp_harness.fault("CreateCertificate", "error", code=code)
    with pytest.raises(expected.get(code, BackendRefused)):
        await driver.submit(new_order(), choosing())
    assert gcp_harness.orders() == 0


async def test_a_wrong_key_is_said_as_such(
    gcp_harness: GcpHarness, limiter: RecordingLimiter
) -> None:
    driver = await open_driver(gcp_harness.connection, gcp_harness.wrong_secrets, limiter)
    with pytest.raises(BackendRefused, match="does not accept the credentials"):
        await driver.submit(new_order(), choosing())
    await driver.aclose()


async def test_many_orders_over_one_connection(driver: GcpDriver, gcp_harness: GcpHarness) -> None:
    orders = [new_order(f"host{n}.example.com") for n in range(100)]
    done = await asyncio.gather(*(driver.submit(each, choosing()) for each in orders))
    assert len({each.ca_ref for each in done}) == 100 == gcp_harness.orders()


async def test_without_credentials_of_the_machine_nothing_is_opened(
    gcp_harness: GcpHarness, limiter: RecordingLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("CLOUDSDK_CONFIG", "/nonexistent")
    connection = gcp_harness.reaching(gcp_harness.url, credentials="application_default")
    with pytest.raises(BackendRefused, match="no application default credentials"):
        await open_driver(connection, NOBODY, limiter)


async def test_the_key_file_of_the_machine_is_used_as_it_is_found(
    gcp_harness: GcpHarness,
    limiter: RecordingLimiter,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Through its own token service, which is told apart from the CA when it is away."""
    content = json.loads(gcp_harness.key_file) | {"token_uri": "http://127.0.0.1:9"}
    key_file = tmp_path / "key.json"
    key_file.write_text(json.dumps(content))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    connection = gcp_harness.reaching(gcp_harness.url, credentials="application_default")
    driver = await open_driver(connection, NOBODY, limiter)
    with pytest.raises(BackendUnavailable, match="token service"):
        await driver.check()
    await driver.aclose()
