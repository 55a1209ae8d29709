"""The AWS driver against the simulator: what only AWS has."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_harness import (
    DISABLED,
    RSA_ROOT,
    SHARED,
    SHORT_LIVED,
    AwsHarness,
    connection_to,
    keys,
    opened,
    profile,
    template_arn,
)
from contract import RecordingLimiter, issue, new_order
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.aws.driver import AwsDriver
from scm_api.drivers.base import Driver, Issued, Pending, Untraced
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, OrderRefused
from scm_api.sandbox import aws

READER = keys(aws.READER_ACCESS_KEY_ID, aws.READER_SECRET_ACCESS_KEY)
USER = keys(aws.USER_ACCESS_KEY_ID, aws.USER_SECRET_ACCESS_KEY)


@pytest.fixture
async def driver(aws_harness: AwsHarness) -> AsyncIterator[Driver]:
    async with opened(aws_harness.connection, aws_harness.secrets) as ready:
        yield ready


async def leaf_of(driver: Driver, options: Any, term_days: int = 5) -> x509.Certificate:
    result = await issue(driver, options, new_order(term_days=term_days))
    return x509.load_der_x509_certificate(result.leaf_der)


@pytest.mark.parametrize(
    ("template", "usages"),
    [
        (None, {Usage.SERVER_AUTH}),
        ("EndEntityCertificate", {Usage.SERVER_AUTH, Usage.CLIENT_AUTH}),
        ("CodeSigningCertificate", {Usage.CODE_SIGNING}),
    ],
)
async def test_the_template_decides_the_extensions(
    driver: Driver, template: str | None, usages: set[Any]
) -> None:
    arn = template_arn(template) if template else None
    leaf = await leaf_of(driver, profile(aws_template=arn))
    found = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(found) == usages


@pytest.mark.parametrize(
    ("ca", "algorithm", "digest"),
    [
        (None, None, "sha256"),
        (None, "SHA512WITHECDSA", "sha512"),
        (RSA_ROOT, None, "sha256"),
        (RSA_ROOT, "SHA384WITHRSA", "sha384"),
    ],
)
async def test_the_signing_algorithm_is_the_profiles_or_the_cas(
    driver: Driver, ca: str | None, algorithm: str | None, digest: str
) -> None:
    options = profile(ca) if ca else profile()
    options = options.model_copy(update={"signature_algorithm": algorithm})
    leaf = await leaf_of(driver, options)
    assert leaf.signature_hash_algorithm is not None
    assert leaf.signature_hash_algorithm.name == digest


async def test_the_default_algorithm_is_read_once(aws_harness: AwsHarness, driver: Driver) -> None:
    for _ in range(3):
        await driver.submit(new_order(), profile())
    calls = [call["operation"] for call in aws_harness.calls()]
    assert calls.count("DescribeCertificateAuthority") == 1
    assert calls.count("IssueCertificate") == 3


async def test_an_absolute_end_is_kept_to_the_second(driver: Driver) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3, seconds=7)
    order = replace(new_order(), term_days=4, not_after=end)
    result = await issue(driver, profile(), order)
    assert x509.load_der_x509_certificate(result.leaf_der).not_valid_after_utc == end


async def test_the_chain_leads_from_the_issuer_to_the_root(driver: Driver) -> None:
    result = await issue(driver, profile())
    issuer, root = (x509.load_der_x509_certificate(der) for der in result.chain_ders)
    issuer.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)


async def test_the_certificate_comes_with_that_of_the_ca_which_is_read_once(
    aws_harness: AwsHarness, driver: Driver
) -> None:
    for _ in range(2):
        result = await issue(driver, profile(RSA_ROOT))
        assert result.issuer_pems is not None
        (pem,) = result.issuer_pems
        leaf = x509.load_der_x509_certificate(result.leaf_der)
        leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(pem.encode()))
    calls = [call["operation"] for call in aws_harness.calls()]
    assert calls.count("GetCertificateAuthorityCertificate") == 1


async def test_without_the_right_to_read_the_cas_certificate_nothing_is_collected(
    aws_harness: AwsHarness, driver: Driver
) -> None:
    denied = {"status": 400, "code": "AccessDeniedException", "message": "no"}
    aws_harness.fault("GetCertificateAuthorityCertificate", "error", **denied)
    placed = await driver.submit(new_order(), profile())
    assert isinstance(placed, Pending)
    await driver.poll(placed.ca_ref, profile())
    with pytest.raises(BackendRefused, match="acm-pca:GetCertificateAuthorityCertificate"):
        await driver.poll(placed.ca_ref, profile())


async def test_an_order_in_progress_is_pending(aws_harness: AwsHarness, driver: Driver) -> None:
    aws_harness.control("PATCH", "/settings", {"pending_gets": 2})
    first = await driver.submit(new_order(), profile())
    assert isinstance(first, Pending)
    assert [type(await driver.poll(first.ca_ref, profile())).__name__ for _ in range(3)] == [
        "Pending",
        "Pending",
        "Issued",
    ]


async def test_what_fails_on_the_way_says_nothing_about_the_order(
    aws_harness: AwsHarness, driver: Driver
) -> None:
    """User Guide, "Exception messages": a networking problem; retry."""
    first = await driver.submit(new_order(), profile())
    assert isinstance(first, Pending)
    aws_harness.fault(
        "GetCertificate", "error", status=400, code="RequestFailedException", message="It failed."
    )
    with pytest.raises(OrderRefused, match="It failed"):
        await driver.poll(first.ca_ref, profile())


async def test_a_reference_aws_does_not_know_is_not_given_up(driver: Driver) -> None:
    first = await driver.submit(new_order(), profile())
    assert isinstance(first, Pending)
    unknown = first.ca_ref[:-32] + "0" * 32
    told = await driver.poll(unknown, profile())
    assert isinstance(told, Untraced)
    assert "ResourceNotFoundException" in told.detail
    with pytest.raises(OrderRefused):
        await driver.revoke(unknown, 5, RevocationReason.SUPERSEDED, profile())


@pytest.mark.parametrize("status", [500, 503])
async def test_f06_a_server_error_says_nothing_about_a_reference(
    aws_harness: AwsHarness, driver: Driver, status: int
) -> None:
    first = await driver.submit(new_order(), profile())
    assert isinstance(first, Pending)
    words = {"code": "ResourceNotFoundException", "message": "not found"}
    aws_harness.fault("GetCertificate", "error", status=status, **words)
    with pytest.raises(BackendUnavailable):
        await driver.poll(first.ca_ref, profile())


async def test_an_issued_order_is_not_refused_because_of_its_ca(
    aws_harness: AwsHarness, driver: Driver
) -> None:
    aws_harness.control("PATCH", "/settings", {"pending_gets": 0})
    first = await driver.submit(new_order(), profile())
    assert isinstance(first, Pending)
    gone = {"status": 400, "code": "ResourceNotFoundException", "message": "no such CA"}
    aws_harness.fault("GetCertificateAuthorityCertificate", "error", **gone)
    with pytest.raises(BackendUnavailable, match="no such CA"):
        await driver.poll(first.ca_ref, profile())
    assert isinstance(await driver.poll(first.ca_ref, profile()), Issued)


async def test_a_disabled_ca_is_waited_for(driver: Driver) -> None:
    with pytest.raises(BackendUnavailable, match="not in a valid state") as caught:
        await driver.submit(new_order(), profile(DISABLED))
    assert caught.value.retry_after == timedelta(minutes=5)


async def test_check_finds_what_an_administrator_should_know(
    aws_harness: AwsHarness, driver: Driver
) -> None:
    report = await driver.check()
    assert report.visible_cas == 6
    assert any("Disabled" in finding and "DISABLED" in finding for finding in report.findings)
    assert any("neither a CRL nor OCSP" in finding for finding in report.findings)
    assert not any("Short-Lived" in finding for finding in report.findings)


async def test_shared_cas_are_listed_and_read_in_pages(
    aws_harness: AwsHarness, driver: Driver
) -> None:
    aws_harness.control("PATCH", "/settings", {"list_page_limit": 2})
    assert isinstance(driver, AwsDriver)
    cas = await driver.issuing_cas()
    assert [ca.id for ca in cas].count(SHARED) == 1
    assert len({ca.id for ca in cas}) == len(cas) == 6
    assert {ca.id: ca.facts["usage_mode"] for ca in cas}[SHORT_LIVED] == "SHORT_LIVED_CERTIFICATE"
    assert all((ca.certificate_pem is not None) is ca.usable for ca in cas)


async def test_the_cas_certificates_are_read_once(aws_harness: AwsHarness, driver: Driver) -> None:
    assert isinstance(driver, AwsDriver)
    first, second = await driver.issuing_cas(), await driver.issuing_cas()
    assert first == second
    reads = [
        call
        for call in aws_harness.calls()
        if call["operation"] == "GetCertificateAuthorityCertificate"
    ]
    assert len(reads) == 5


async def test_a_missing_permission_is_named(aws_harness: AwsHarness) -> None:
    async with opened(aws_harness.connection, READER) as driver:
        await driver.check()
        with pytest.raises(BackendRefused) as caught:
            await driver.submit(new_order(), profile())
    detail = caught.value.detail
    assert f"acm-pca:IssueCertificate on {profile().private_ca}" in detail
    assert "user/sandbox-reader is not authorized to perform: acm-pca:IssueCertificate" in detail


async def test_a_template_outside_the_policy_is_named(aws_harness: AwsHarness) -> None:
    async with opened(aws_harness.connection, USER) as driver:
        allowed = profile(aws_template=template_arn("EndEntityCertificate"))
        assert isinstance(await driver.submit(new_order(), allowed), Pending)
        with pytest.raises(BackendRefused) as caught:
            await driver.submit(new_order(), profile())
    assert template_arn("EndEntityServerAuthCertificate") in caught.value.detail
    assert "acm-pca:TemplateArn" in caught.value.detail
    assert "AWSPrivateCAUser" in caught.value.detail


async def test_calls_are_paced_by_account_region_and_operation(
    aws_harness: AwsHarness, limiter: RecordingLimiter
) -> None:
    connection = connection_to(
        aws_harness.url, quotas={"issue_per_second": 3, "get_per_second": 70.5}
    )
    async with opened(connection, aws_harness.secrets, limiter) as driver:
        await issue(driver, profile())
        await driver.check()
    paces = dict(limiter.acquired)
    assert paces["aws:111122223333:eu-central-1:IssueCertificate"] == 3
    assert paces["aws:111122223333:eu-central-1:GetCertificate"] == 70.5
    assert not any(aws.ACCESS_KEY_ID in key for key in paces)


async def test_a_limiter_that_says_no_stops_the_call(aws_harness: AwsHarness) -> None:
    class Full(RecordingLimiter):
        async def acquire(self, *_: object) -> None:
            raise BackendUnavailable("full", retry_after=timedelta(seconds=9))

    async with opened(aws_harness.connection, aws_harness.secrets, Full()) as driver:
        with pytest.raises(BackendUnavailable, match="full"):
            await driver.submit(new_order(), profile())
    assert aws_harness.calls() == []
