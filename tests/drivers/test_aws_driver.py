"""The AWS driver against the simulator: what only AWS has."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
    profile,
    template_arn,
)
from contract import RecordingLimiter, issue, new_order
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.aws.driver import AwsDriver, open_driver
from scm_api.drivers.aws.options import AwsConnection, AwsSecrets
from scm_api.drivers.base import Driver, Pending, Rejected
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, OrderRefused
from scm_api.sandbox import aws

NO_KEYS = AwsSecrets.model_validate({"backend_type": "aws"})
READER = keys(aws.READER_ACCESS_KEY_ID, aws.READER_SECRET_ACCESS_KEY)
USER = keys(aws.USER_ACCESS_KEY_ID, aws.USER_SECRET_ACCESS_KEY)
ASSUMER = keys(aws.ASSUMER_ACCESS_KEY_ID, aws.ASSUMER_SECRET_ACCESS_KEY)


@asynccontextmanager
async def opened(
    connection: AwsConnection, secrets: AwsSecrets, limiter: RecordingLimiter | None = None
) -> AsyncIterator[Driver]:
    driver = await open_driver(connection, secrets, limiter or RecordingLimiter())
    try:
        yield driver
    finally:
        await driver.aclose()


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
    order = new_order()
    order = type(order)(order.enrollment_id, order.token, order.csr_der, 4, end)
    result = await issue(driver, profile(), order)
    assert x509.load_der_x509_certificate(result.leaf_der).not_valid_after_utc == end


async def test_the_chain_leads_from_the_issuer_to_the_root(driver: Driver) -> None:
    result = await issue(driver, profile())
    issuer, root = (x509.load_der_x509_certificate(der) for der in result.chain_ders)
    issuer.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)


async def test_an_order_in_progress_is_pending(aws_harness: AwsHarness, driver: Driver) -> None:
    aws_harness.control("PATCH", "/settings", {"pending_gets": 2})
    first = await driver.submit(new_order(), profile())
    assert isinstance(first, Pending)
    assert [type(await driver.poll(first.ca_ref, profile())).__name__ for _ in range(3)] == [
        "Pending",
        "Pending",
        "Issued",
    ]


async def test_a_failed_issuance_is_rejected(aws_harness: AwsHarness, driver: Driver) -> None:
    first = await driver.submit(new_order(), profile())
    assert isinstance(first, Pending)
    aws_harness.fault(
        "GetCertificate", "error", status=400, code="RequestFailedException", message="It failed."
    )
    outcome = await driver.poll(first.ca_ref, profile())
    assert outcome == Rejected(first.ca_ref, "RequestFailedException", "It failed.")


async def test_a_reference_aws_does_not_know_is_not_given_up(driver: Driver) -> None:
    first = await driver.submit(new_order(), profile())
    assert isinstance(first, Pending)
    unknown = first.ca_ref[:-32] + "0" * 32
    with pytest.raises(BackendUnavailable):
        await driver.poll(unknown, profile())
    with pytest.raises(OrderRefused):
        await driver.revoke(unknown, 5, RevocationReason.SUPERSEDED, profile())


async def test_a_disabled_ca_is_waited_for(driver: Driver) -> None:
    with pytest.raises(BackendUnavailable, match="not in a valid state") as caught:
        await driver.submit(new_order(), profile(DISABLED))
    assert caught.value.retry_after == timedelta(minutes=5)


async def test_check_finds_what_an_administrator_should_know(
    aws_harness: AwsHarness, driver: Driver
) -> None:
    report = await driver.check()
    assert report.private_cas == 6
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


def role(aws_harness: AwsHarness, **changes: Any) -> AwsConnection:
    credentials = {
        "mode": "assumed_role",
        "role_arn": aws.ROLE_ARN,
        "external_id": aws.ROLE_EXTERNAL_ID,
        "sts_endpoint_url": aws_harness.url,
        **changes,
    }
    return connection_to(aws_harness.url, credentials=credentials)


async def test_an_assumed_role_signs_every_call(
    aws_harness: AwsHarness, limiter: RecordingLimiter
) -> None:
    async with opened(role(aws_harness), ASSUMER, limiter) as driver:
        assert aws_harness.calls() == [], "opening calls nobody"
        await asyncio.gather(*(issue(driver, profile()) for _ in range(3)))
        await driver.check()
    calls = aws_harness.calls()
    assert [call["operation"] for call in calls].count("AssumeRole") == 1
    others = [call["principal"] for call in calls if call["operation"] != "AssumeRole"]
    assert set(others) == {"arn:aws:sts::111122223333:assumed-role/scm-sandbox-issuer/scm-api"}
    assert ("aws:111122223333:eu-central-1:ListCertificateAuthorities", 16) in limiter.acquired


async def test_t61_session_tokens_are_not_logged(
    aws_harness: AwsHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with opened(role(aws_harness), ASSUMER) as driver:
        await issue(driver, profile())
    assert "security-token" not in caplog.text.lower()
    assert "canonicalrequest" not in caplog.text.lower()


async def test_the_endpoint_is_the_regions_own_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ACM_PCA"):
        monkeypatch.setenv(name, "https://elsewhere.example.com")
    connection = AwsConnection.model_validate({"backend_type": "aws", "region": "cn-north-1"})
    async with opened(connection, READER) as driver:
        assert isinstance(driver, AwsDriver)
        assert driver._client.meta.endpoint_url == "https://acm-pca.cn-north-1.amazonaws.com.cn"


@pytest.mark.parametrize(
    "changes",
    [
        {"external_id": "another-id"},
        {"external_id": None, "without_external_id": True},
        {"role_arn": "arn:aws:iam::111122223333:role/another"},
    ],
)
async def test_t58_a_role_that_does_not_trust_us_is_refused(
    aws_harness: AwsHarness, changes: dict[str, Any]
) -> None:
    async with opened(role(aws_harness, **changes), ASSUMER) as driver:
        with pytest.raises(BackendRefused) as caught:
            await driver.submit(new_order(), profile())
    assert "sts:AssumeRole on arn:aws:iam::111122223333:role/" in caught.value.detail
    assert "external id" in caught.value.detail


async def test_f06_a_failing_sts_is_not_an_unknown_outcome(aws_harness: AwsHarness) -> None:
    async with opened(role(aws_harness), ASSUMER) as driver:
        aws_harness.fault("AssumeRole", "error", status=503)
        with pytest.raises(BackendUnavailable):
            await driver.submit(new_order(), profile())
        assert isinstance(await driver.submit(new_order(), profile()), Pending)
    assert aws_harness.orders() == 1


async def test_the_default_chain_uses_the_environment(
    aws_harness: AwsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connection_to(aws_harness.url, credentials={"mode": "default_chain"})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.READER_ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.READER_SECRET_ACCESS_KEY)
    async with opened(connection, NO_KEYS) as driver:
        await driver.check()
    assert set(aws_harness.callers()) == {aws.READER_ACCESS_KEY_ID}


async def test_the_default_chain_without_credentials_is_refused(aws_harness: AwsHarness) -> None:
    connection = connection_to(aws_harness.url, credentials={"mode": "default_chain"})
    async with opened(connection, NO_KEYS) as driver:
        with pytest.raises(BackendRefused, match="no AWS credentials"):
            await driver.check()
    assert aws_harness.calls() == []


async def test_t58_the_environment_never_stands_in_for_the_secrets(
    aws_harness: AwsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.READER_ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.READER_SECRET_ACCESS_KEY)
    async with opened(aws_harness.connection, aws_harness.secrets) as driver:
        await driver.check()
    with pytest.raises(BackendRefused, match="access key"):
        await open_driver(aws_harness.connection, NO_KEYS, RecordingLimiter())
    assert set(aws_harness.callers()) == {aws.ACCESS_KEY_ID}


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


async def test_opening_does_not_hold_up_the_event_loop(aws_harness: AwsHarness) -> None:
    """Parsing the SDK's data takes 0.2 s and happens in a thread, once."""
    gaps: list[float] = []

    async def beat() -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(0.001)
            gaps.append(loop.time() - last)
            last = loop.time()

    beating = asyncio.create_task(beat())
    async with opened(aws_harness.connection, aws_harness.secrets):
        beating.cancel()
    assert max(gaps) < 0.15
