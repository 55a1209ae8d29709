"""A backend whose enroller is RPC: the same profiles, the same outcomes, no web site."""

from typing import Any

import pytest
from contract import RecordingLimiter, issue, new_order
from microsoft_harness import MicrosoftHarness

from scm_api.drivers.base import Driver, Issued, Pending
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, OrderRefused
from scm_api.drivers.microsoft.options import MicrosoftConnection


async def opened(harness: MicrosoftHarness, port: int, secrets: Any = None) -> Driver:
    enroller = {"transport": "icpr", "host": "127.0.0.1", "port": port, "auth": "ntlm"}
    options = harness.connection.model_dump() | {"enroller": enroller}
    connection = MicrosoftConnection.model_validate(options)
    return await harness.kind.open(connection, secrets or harness.secrets, RecordingLimiter())


async def test_it_enrolls_by_rpc_with_the_same_profiles(
    microsoft_harness: MicrosoftHarness,
) -> None:
    driver = await opened(microsoft_harness, microsoft_harness.rpc_port)
    await driver.check()
    assert isinstance(await issue(driver, microsoft_harness.options), Issued)
    with pytest.raises(OrderRefused) as caught:
        await driver.submit(new_order(), microsoft_harness.wrong_options)
    assert caught.value.code == "CERTSRV_E_KEY_LENGTH"
    microsoft_harness.hold()
    waiting = await driver.submit(new_order(), microsoft_harness.options)
    assert isinstance(waiting, Pending)
    microsoft_harness.control("POST", f"/requests/{waiting.ca_ref}", {"action": "issue"})
    assert isinstance(await driver.poll(waiting.ca_ref, microsoft_harness.options), Issued)
    assert not any(each["path"].startswith("/certsrv") for each in microsoft_harness.calls())
    await driver.aclose()


async def test_the_check_finds_a_wrong_password_and_a_ca_that_is_away(
    microsoft_harness: MicrosoftHarness,
) -> None:
    wrong = await opened(
        microsoft_harness, microsoft_harness.rpc_port, microsoft_harness.wrong_secrets
    )
    with pytest.raises(BackendRefused) as caught:
        await wrong.check()
    assert microsoft_harness.confidential not in caught.value.detail
    away = await opened(microsoft_harness, 9)
    with pytest.raises(BackendUnavailable):
        await away.check()
    for each in (wrong, away):
        await each.aclose()
