"""How the AWS driver signs in: keys, roles, the machine's own credentials."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aws_harness import AwsHarness, connection_to, keys, opened, profile
from contract import RecordingLimiter, issue, new_order

from scm_api.drivers.aws.driver import AwsDriver, open_driver
from scm_api.drivers.aws.options import AwsConnection, AwsSecrets
from scm_api.drivers.base import Driver, Pending
from scm_api.drivers.errors import BackendRefused, BackendUnavailable
from scm_api.drivers.pool import DriverPool
from scm_api.sandbox import aws

NO_KEYS = AwsSecrets.model_validate({"backend_type": "aws"})
READER = keys(aws.READER_ACCESS_KEY_ID, aws.READER_SECRET_ACCESS_KEY)
ASSUMER = keys(aws.ASSUMER_ACCESS_KEY_ID, aws.ASSUMER_SECRET_ACCESS_KEY)


def role(
    aws_harness: AwsHarness, *, call_timeout_seconds: float = 8, **changes: Any
) -> AwsConnection:
    credentials = {
        "mode": "assumed_role",
        "role_arn": aws.ROLE_ARN,
        "external_id": aws.ROLE_EXTERNAL_ID,
        "sts_endpoint_url": aws_harness.url,
        **changes,
    }
    return connection_to(
        aws_harness.url, credentials=credentials, call_timeout_seconds=call_timeout_seconds
    )


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


async def test_credentials_that_come_late_are_found_without_a_restart(
    aws_harness: AwsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connection_to(aws_harness.url, credentials={"mode": "default_chain"})
    pool, backend = DriverPool(), uuid4()

    async def driver() -> Driver:
        return await pool.get(
            backend, 1, lambda: open_driver(connection, NO_KEYS, RecordingLimiter())
        )

    with pytest.raises(BackendRefused, match="no AWS credentials"):
        await driver()
    assert aws_harness.calls() == []
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.READER_ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.READER_SECRET_ACCESS_KEY)
    await (await driver()).check()
    assert set(aws_harness.callers()) == {aws.READER_ACCESS_KEY_ID}
    await pool.aclose()


async def test_f31_an_access_key_that_the_machine_changed_is_taken_up_without_a_restart(
    aws_harness: AwsHarness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stored = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(stored))
    stored.write_text("[default]\naws_access_key_id=AKIAOLD\naws_secret_access_key=old-secret\n")
    connection = connection_to(aws_harness.url, credentials={"mode": "default_chain"})
    async with opened(connection, NO_KEYS) as driver:
        stored.write_text(
            f"[default]\naws_access_key_id={aws.READER_ACCESS_KEY_ID}\n"
            f"aws_secret_access_key={aws.READER_SECRET_ACCESS_KEY}\n"
        )
        with pytest.raises(BackendRefused, match="does not accept the credentials"):
            await driver.check()
        await driver.check()


async def test_a_role_whose_source_comes_late_is_assumed_without_a_restart(
    aws_harness: AwsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = role(aws_harness, source="default_chain")
    async with opened(connection, NO_KEYS) as driver:
        with pytest.raises(BackendRefused, match="no AWS credentials"):
            await driver.check()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.ASSUMER_ACCESS_KEY_ID)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.ASSUMER_SECRET_ACCESS_KEY)
        await driver.check()


async def test_opening_waits_for_the_machines_credentials_no_longer_than_for_a_call(
    aws_harness: AwsHarness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\ncredential_process = sleep 30\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    connection = connection_to(
        aws_harness.url, credentials={"mode": "default_chain"}, call_timeout_seconds=0.3
    )
    async with asyncio.timeout(10):
        with pytest.raises(BackendUnavailable, match="credentials of this machine took"):
            await open_driver(connection, NO_KEYS, RecordingLimiter())


async def test_a_sign_in_that_takes_too_long_is_told_as_one(
    aws_harness: AwsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws_harness.fault("AssumeRole", "hang")
    async with opened(role(aws_harness, call_timeout_seconds=1), ASSUMER) as driver:
        with pytest.raises(BackendUnavailable, match=f"Signing in as {aws.ROLE_ARN} took"):
            async with asyncio.timeout(1):  # as a worker waits
                await driver.submit(new_order(), profile())


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
