"""What counts as an answer of ECS and CA Gateway: nothing but what is documented, and seen."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from contract import RecordingLimiter, new_order
from entrust_harness import REQUESTER, secrets_of
from scripted_server import ScriptedServer, answer, hang, scripted

from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.base import Canceled, Pending, Untraced
from scm_api.drivers.entrust.kind import ENTRUST
from scm_api.drivers.entrust.options import (
    EntrustConnection,
    EntrustProfileOptions,
    EntrustSecrets,
)
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    OrderRefused,
    OutcomeUnknown,
)

SERIAL = 0xAB
REASON = RevocationReason.KEY_COMPROMISE
ECS = EntrustProfileOptions.model_validate(
    {"backend_type": "entrust", "ecs": {"cert_type": "ADVANTAGE_SSL"}}
)
GATEWAY = EntrustProfileOptions.model_validate(
    {"backend_type": "entrust", "ca_gateway": {"ca_id": "ca1", "profile_id": "tls"}}
)
# A page of maintenance or of a sign-on is enough for the first of these.
OTHER_STATUSES = ["302 Found", "304 Not Modified", "202 Accepted", "204 No Content"]
REVOKED = b'{"type": "ActionResponse"}'
DENIED = b'{"status": 403, "errors": [{"message": "no right to it"}]}'
ON_HOLD = b'{"type": "ErrorResponse", "error": {"code": "X", "message": "is on hold"}}'


@asynccontextmanager
async def standing_in(
    shown: Any,
    status: str,
    body: bytes = b"",
    *,
    api: str = "ecs",
    read: str = "200 OK",
    denied: bytes = b"nothing",
) -> AsyncIterator[Any]:
    """A driver of one of both APIs: reads are answered with `shown`, but for the one of `denied`,
    changes as told."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = server.requests[-1].partition(b"\r\n")[0]
        reads = line.startswith(b"GET")
        said = answer(json.dumps(shown).encode(), read) if reads else answer(body, status)
        if denied in line:
            said = answer(DENIED, "403 Forbidden")
        await said(reader, writer)

    server: ScriptedServer
    async with scripted(script) as server:
        options = {"endpoint_url": f"http://127.0.0.1:{server.port}", "requester": REQUESTER}
        connection = EntrustConnection.model_validate(
            {"backend_type": "entrust", "api": api} | options
        )
        secrets = secrets_of("user", "EXAMPLEAPIKEY")
        if api == "ca_gateway":
            secrets = EntrustSecrets(backend_type="entrust")
        driver = await ENTRUST.open(connection, secrets, RecordingLimiter())
        yield driver
        await driver.aclose()


def certificate(status: str) -> dict[str, Any]:
    return {"trackingId": 7, "status": status, "serialNumber": f"{SERIAL:X}"}


def event(action: str, **more: Any) -> dict[str, Any]:
    return {"action": action, "serialNumber": f"00{SERIAL:X}"} | more


CHANGES: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "revoke": lambda driver: driver.revoke("7", SERIAL, REASON, ECS),
    "cancel": lambda driver: driver.cancel("7", ECS),
    "deactivate": lambda driver: driver.deactivate("7", SERIAL),
}


@pytest.mark.parametrize("status", [*OTHER_STATUSES, "201 Created"])
@pytest.mark.parametrize("change", CHANGES)
async def test_a_status_that_is_not_documented_changed_nothing(change: str, status: str) -> None:
    async with standing_in(certificate("ACTIVE"), status) as driver:
        with pytest.raises((OutcomeUnknown, BackendUnavailable), match=status[:3]):
            await CHANGES[change](driver)


@pytest.mark.parametrize("change", ["revoke", "cancel"])
async def test_what_is_said_to_be_done_is_looked_at(change: str) -> None:
    async with standing_in(certificate("ACTIVE"), "200 OK", b"{}") as driver:
        with pytest.raises(OutcomeUnknown, match="7 is still ACTIVE"):
            await CHANGES[change](driver)


@pytest.mark.parametrize(
    ("status", "whole"), [("403 Forbidden", False), ("401 Unauthorized", True)]
)
async def test_a_right_that_is_missing_stops_nothing_else(status: str, whole: bool) -> None:
    async with standing_in(certificate("ACTIVE"), status, DENIED) as driver:
        with pytest.raises(BackendRefused) as caught:
            await CHANGES["revoke"](driver)
    assert caught.value.whole_backend is whole


async def test_a_request_that_was_declined_before_is_canceled() -> None:
    refusal = b'{"status": 400, "errors": [{"message": "not allowed"}]}'
    async with standing_in(certificate("DECLINED"), "400 Bad Request", refusal) as driver:
        assert await CHANGES["cancel"](driver) == Canceled()


@pytest.mark.parametrize("status", ["302 Found", "200 OK", "204 No Content"])
async def test_an_order_is_taken_with_201_and_202_alone(status: str) -> None:
    async with standing_in({}, status, b'{"trackingId": 7}' if "OK" in status else b"") as driver:
        with pytest.raises(OutcomeUnknown, match=status[:3]):
            await driver.submit(new_order(), ECS)


async def test_an_order_waits_for_as_long_as_the_options_say() -> None:
    async with scripted(hang) as server:
        connection = EntrustConnection.model_validate(
            {"backend_type": "entrust", "requester": REQUESTER, "answer_seconds": 0.2}
            | {"endpoint_url": f"http://127.0.0.1:{server.port}"}
        )
        driver = await ENTRUST.open(
            connection, secrets_of("user", "EXAMPLEAPIKEY"), RecordingLimiter()
        )
        async with asyncio.timeout(10):
            with pytest.raises(OutcomeUnknown):
                await driver.submit(new_order(), ECS)
        await driver.aclose()


async def test_a_look_up_passes_by_what_other_cas_issued() -> None:
    foreign = {"uri": "/enterprise/v2/certificates/thumbprints/ab", "isThirdParty": True}
    shown = {"certificates": [foreign], "summary": {"total": 1}}
    async with standing_in(shown, "200 OK") as driver:
        assert await driver.recover(new_order(), ECS) == Untraced()


LISTS: dict[str, tuple[Any, Callable[[Any], Awaitable[Any]]]] = {
    "a client": ({"clients": [{}]}, lambda driver: driver.external_organizations()),
    "an organization": (
        {"clients": [], "organizations": [{"name": "Umbra"}]},
        lambda driver: driver.external_organizations(),
    ),
    "an inventory": ({"inventories": [{}]}, lambda driver: driver.products()),
    "a certificate": (
        {"certificates": [{"trackingId": None}]},
        lambda driver: driver.recover(new_order(), ECS),
    ),
    "a total": (
        {"inventories": [], "summary": {"total": "many"}},
        lambda driver: driver.products(),
    ),
}


@pytest.mark.parametrize("odd", LISTS)
async def test_an_entry_of_a_list_that_is_none_is_no_answer(odd: str) -> None:
    shown, ask = LISTS[odd]
    async with standing_in(shown, "") as driver:
        with pytest.raises(BackendUnavailable, match="did not answer"):
            await ask(driver)


@pytest.mark.parametrize("denied", [b"nothing", b"/domains"], ids=["odd", "denied"])
async def test_domains_keep_nobody_from_what_became_of_an_order(denied: bytes) -> None:
    shown = certificate("PENDING") | {"domains": [{"domainName": "example.com"}]}
    async with standing_in(shown, "", denied=denied) as driver:
        found = await driver.poll("7", ECS)
    assert isinstance(found, Pending)


async def test_a_read_that_is_redirected_is_no_answer() -> None:
    async with standing_in({"version": "13.4.0"}, "", read="302 Found") as driver:
        with pytest.raises(BackendUnavailable, match="302"):
            await driver.check()


@pytest.mark.parametrize("status", OTHER_STATUSES)
async def test_ca_gateway_revokes_with_200_alone(status: str) -> None:
    async with standing_in({"events": []}, status, api="ca_gateway") as driver:
        with pytest.raises(OutcomeUnknown, match=status[:3]):
            await driver.revoke("ab", SERIAL, REASON, GATEWAY)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"type": "ErrorResponse"}'])
async def test_ca_gateway_says_what_kind_its_answer_is(body: bytes) -> None:
    async with standing_in({"events": []}, "200 OK", body, api="ca_gateway") as driver:
        with pytest.raises(OutcomeUnknown, match="not as it does when it revoked"):
            await driver.revoke("ab", SERIAL, REASON, GATEWAY)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [event("issued")],
        [event("revoked", reason="certificateHold")],
        [event("revoked"), event("unheld")],
        [event("revoked") | {"serialNumber": "CD"}],
    ],
)
async def test_a_conflict_at_ca_gateway_is_no_revocation(events: list[Any]) -> None:
    shown = {"events": events}
    async with standing_in(shown, "409 Conflict", ON_HOLD, api="ca_gateway") as driver:
        with pytest.raises(OrderRefused, match="on hold"):
            await driver.revoke("ab", SERIAL, REASON, GATEWAY)


async def test_a_conflict_at_ca_gateway_is_one_where_the_feed_has_it() -> None:
    shown = {"events": [event("issued"), event("revoked", reason="superseded")]}
    async with standing_in(shown, "409 Conflict", ON_HOLD, api="ca_gateway") as driver:
        assert await driver.revoke("ab", SERIAL, REASON, GATEWAY) is None


async def test_ca_gateway_may_take_an_order_and_say_nothing_but_that() -> None:
    shown = {"caList": [], "events": []}
    async with standing_in(shown, "202 Accepted", api="ca_gateway") as driver:
        taken = await driver.submit(new_order(), GATEWAY)
        assert isinstance(await driver.poll(taken.ca_ref, GATEWAY), Untraced)


async def test_an_answer_of_ca_gateway_without_an_enrollment_is_none() -> None:
    async with standing_in({"caList": []}, "200 OK", REVOKED, api="ca_gateway") as driver:
        with pytest.raises(OutcomeUnknown, match="no enrollment"):
            await driver.submit(new_order(), GATEWAY)
