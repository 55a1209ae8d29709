"""Revocation by certutil over WinRM: serial numbers, reasons, exit codes, who may."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from contract import RecordingLimiter, issue, new_order
from cryptography import x509
from microsoft_harness import MicrosoftHarness

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.base import Driver
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.drivers.microsoft.certutil import serial_text
from scm_api.drivers.microsoft.options import MicrosoftSecrets
from scm_api.sandbox.microsoft.catalogue import ENROLLER, NOBODY
from scm_api.sandbox.microsoft.domain import Account

HOLD, SUPERSEDED = RevocationReason.CERTIFICATE_HOLD, RevocationReason.SUPERSEDED


@pytest.fixture
async def driver(microsoft_harness: MicrosoftHarness) -> AsyncIterator[Driver]:
    harness = microsoft_harness
    opened = await harness.kind.open(harness.connection, harness.secrets, RecordingLimiter())
    yield opened
    await opened.aclose()


async def serial_of_one(harness: MicrosoftHarness, driver: Driver) -> int:
    issued = await issue(driver, harness.options, new_order())
    return x509.load_der_x509_certificate(issued.leaf_der).serial_number


@pytest.mark.parametrize(
    ("number", "text"),
    [(0xABC, "0abc"), (0x1, "01"), (0x80, "80"), (0x6100000002, "6100000002"), (0xF, "0f")],
)
def test_serial_numbers_are_pairs_of_digits(number: int, text: str) -> None:
    assert serial_text(number) == text


@pytest.mark.parametrize("language", ["en", "xx"])
async def test_what_certutil_prints_does_not_count(
    microsoft_harness: MicrosoftHarness, driver: Driver, language: str
) -> None:
    microsoft_harness.behave(language=language, winrm_noise=True, winrm_waits=2)
    serial = await serial_of_one(microsoft_harness, driver)
    await driver.revoke("1", serial, HOLD, microsoft_harness.options)
    (entry,) = microsoft_harness.entries("revocation")
    assert int(entry["serial"], 16) == serial
    assert entry["reason"] in (6, "6", "certificateHold")
    await driver.revoke("1", serial, SUPERSEDED, microsoft_harness.options)
    last = microsoft_harness.entries("revocation")[-1]
    assert last["reason"] in (4, "4", "superseded")


async def test_an_unknown_serial_number_is_refused_by_its_exit_code(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    with pytest.raises(BackendRefused, match="exit code 0x"):
        await driver.revoke("1", 4711, SUPERSEDED, microsoft_harness.options)
    assert microsoft_harness.revocations() == []


@pytest.mark.parametrize("operation", ["winrm.command", "winrm.receive"])
@pytest.mark.parametrize("action", ["reset", "html", "truncate"])
async def test_f21_no_answer_once_certutil_may_run_leaves_it_open(
    microsoft_harness: MicrosoftHarness, driver: Driver, operation: str, action: str
) -> None:
    serial = await serial_of_one(microsoft_harness, driver)
    microsoft_harness.fault(operation, action, when="after")
    with pytest.raises(OutcomeUnknown):
        await driver.revoke("1", serial, SUPERSEDED, microsoft_harness.options)
    await driver.revoke("1", serial, SUPERSEDED, microsoft_harness.options)
    assert microsoft_harness.revocations() == [serial]


async def test_no_shell_means_that_nothing_was_revoked(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    serial = await serial_of_one(microsoft_harness, driver)
    microsoft_harness.fault("winrm.create", "error", status=500)
    with pytest.raises(BackendUnavailable):
        await driver.revoke("1", serial, SUPERSEDED, microsoft_harness.options)
    assert microsoft_harness.revocations() == []


@pytest.mark.parametrize(
    ("account", "missing"),
    [(NOBODY, "Remote Management Users"), (ENROLLER, "Issue and Manage Certificates")],
)
async def test_the_right_that_is_missing_is_told(
    microsoft_harness: MicrosoftHarness, account: Account, missing: str
) -> None:
    harness = microsoft_harness
    credential = {"username": f"CORP\\{account.sam}", "password": account.password}
    given = harness.secrets.model_dump() | {"revoker": credential}
    secrets = MicrosoftSecrets.model_validate(given)
    driver = await harness.kind.open(harness.connection, secrets, RecordingLimiter())
    serial = await serial_of_one(harness, driver)
    with pytest.raises(BackendRefused, match=missing) as caught:
        await driver.revoke("1", serial, SUPERSEDED, harness.options)
    assert not caught.value.whole_backend
    report = await driver.check()
    lets_in = account is ENROLLER  # a ping takes no right on the CA
    assert any("Revocation does not work" in each for each in report.findings) != lets_in
    await driver.aclose()


async def test_a_template_that_managers_may_not_manage_is_told(
    microsoft_harness: MicrosoftHarness, driver: Driver
) -> None:
    serial = await serial_of_one(microsoft_harness, driver)
    microsoft_harness.behave(officer_denied=["CorpWeb"])
    with pytest.raises(BackendRefused, match="Certificate Managers"):
        await driver.revoke("1", serial, SUPERSEDED, microsoft_harness.options)
    assert microsoft_harness.revocations() == []


async def test_without_a_revoker_it_is_said_what_to_do(
    microsoft_harness: MicrosoftHarness,
) -> None:
    harness = microsoft_harness
    connection = harness.connection.model_copy(update={"revoker": None})
    driver = await harness.kind.open(connection, harness.secrets, RecordingLimiter())
    with pytest.raises(OrderRefused, match="certutil -revoke") as caught:
        await driver.revoke("1", 1, SUPERSEDED, harness.options)
    objection: Any = harness.kind.revocation_objection(harness.options, connection, None)
    assert caught.value.detail == objection
    assert objection in (await driver.check()).findings
    await driver.aclose()
