"""Revoking one certificate of an order, by what CertCentral shows of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from contract import RecordingLimiter, issue, order_for
from cryptography import x509
from digicert_harness import DigiCertHarness, secrets_of

from plain_http import NO_TRUST
from scm_api.core.vocabulary import RevocationReason
from scm_api.drivers.base import Driver, Issued, RevocationPending
from scm_api.drivers.digicert.kind import DIGICERT
from scm_api.drivers.digicert.revoking import Revocable, Standing
from scm_api.drivers.digicert.wire import CertificateLine, OrderInfo, OrderLine, Requested
from scm_api.drivers.errors import BackendUnavailable, OrderRefused, OutcomeUnknown
from scm_api.sandbox import digicert

COMPROMISED = RevocationReason.KEY_COMPROMISE


@pytest.fixture
async def driver(digicert_harness: DigiCertHarness) -> AsyncIterator[Driver]:
    """Of an administrator's key: what it asks for is done at once."""
    opened = await DIGICERT.open(
        digicert_harness.connection, digicert_harness.secrets, RecordingLimiter()
    )
    yield opened
    await opened.aclose()


@pytest.fixture
async def asking(digicert_harness: DigiCertHarness) -> AsyncIterator[Driver]:
    """Of a standard user's key: what it asks for waits for an administrator."""
    secrets = secrets_of(digicert.STANDARD_KEY)
    opened = await DIGICERT.open(digicert_harness.connection, secrets, RecordingLimiter())
    yield opened
    await opened.aclose()


class Account:
    """CertCentral as an administrator of the account uses it."""

    def __init__(self, harness: DigiCertHarness) -> None:
        assert harness.connection.endpoint_url is not None
        self._http = httpx.Client(
            base_url=f"{harness.connection.endpoint_url}/services/v2",
            headers={"X-DC-DEVKEY": digicert.ADMIN_KEY},
            verify=NO_TRUST,
            trust_env=False,
        )

    def call(self, method: str, path: str, body: Any = None, key: str = digicert.ADMIN_KEY) -> Any:
        response = self._http.request(method, path, json=body, headers={"X-DC-DEVKEY": key})
        assert response.is_success, response.text
        return response.json() if response.content else None

    def asks_to_revoke(self, issued: Issued) -> Any:
        """A person asks; an administrator has to agree."""
        path = f"/certificate/{self.number(issued)}/revoke"
        return self.call("PUT", path, {"comments": "left the company"}, digicert.STANDARD_KEY)

    def decide(self, request: Any, status: str) -> None:
        self.call("PUT", f"/request/{request['id']}/status", {"status": status})

    def requests(self) -> list[Any]:
        found = self.call("GET", "/request")["requests"]
        return [each for each in found if each["type"] == "revoke"]

    def number(self, issued: Issued) -> int:
        order_id = issued.ca_ref.partition("/")[0]
        listed = self.call("GET", f"/order/certificate/{order_id}/reissue")["certificates"]
        serials = {int(each["serial_number"], 16): each["id"] for each in listed}
        return int(serials[serial_of(issued)])


@pytest.fixture
def account(digicert_harness: DigiCertHarness) -> Account:
    return Account(digicert_harness)


def serial_of(issued: Issued) -> int:
    return x509.load_der_x509_certificate(issued.leaf_der).serial_number


async def reissued(driver: Driver, harness: DigiCertHarness) -> tuple[Issued, Issued]:
    """Two certificates of one order."""
    first = await issue(driver, harness.options, order_for(harness))
    again = replace(order_for(harness), reissues_ca_ref=first.ca_ref)
    return first, await issue(driver, harness.options, again)


def hide_list(harness: DigiCertHarness, status: int) -> None:
    harness.control(
        "POST",
        "/faults",
        {"operation": "list_reissues", "action": "error", "status": status, "count": None},
    )


async def revoke(
    driver: Driver, harness: DigiCertHarness, issued: Issued, *, pending: bool = False
) -> RevocationPending | None:
    return await driver.revoke(
        issued.ca_ref, serial_of(issued), COMPROMISED, harness.options, pending=pending
    )


@pytest.mark.parametrize("status", [403, 404])
async def test_a_list_that_is_refused_says_nothing(
    digicert_harness: DigiCertHarness, driver: Driver, status: int
) -> None:
    """The older certificate is known by its serial number alone then, which begins with a zero."""
    first, second = await reissued(driver, digicert_harness)
    hide_list(digicert_harness, status)
    for each in (first, second):
        assert await revoke(driver, digicert_harness, each) is None
    assert digicert_harness.revocations() == [serial_of(first), serial_of(second)]


async def test_f21_of_a_revoked_order_everything_is_revoked(
    digicert_harness: DigiCertHarness, driver: Driver, account: Account
) -> None:
    first, second = await reissued(driver, digicert_harness)
    account.call("PUT", f"/order/certificate/{first.ca_ref}/revoke", {"skip_approval": True})
    hide_list(digicert_harness, 404)
    for each in (first, second):
        assert await revoke(driver, digicert_harness, each) is None
        assert await revoke(driver, digicert_harness, each, pending=True) is None
    assert digicert_harness.control("GET", "/calls?operation=revoke_certificate")["entries"] == []


async def test_f21_an_error_after_it_was_done_counts_as_done(
    digicert_harness: DigiCertHarness, driver: Driver
) -> None:
    issued = await issue(driver, digicert_harness.options, order_for(digicert_harness))
    digicert_harness.fault("revoke", "error", status=400, when="after")
    assert await revoke(driver, digicert_harness, issued) is None
    assert len(digicert_harness.revocations()) == 1


async def test_a_refusal_that_nothing_explains_is_one(
    digicert_harness: DigiCertHarness, driver: Driver
) -> None:
    issued = await issue(driver, digicert_harness.options, order_for(digicert_harness))
    digicert_harness.fault("revoke", "error", status=400)
    with pytest.raises(OrderRefused):
        await revoke(driver, digicert_harness, issued)
    assert digicert_harness.revocations() == []


async def test_a_request_for_another_certificate_of_the_order_is_not_ours(
    digicert_harness: DigiCertHarness, driver: Driver, account: Account
) -> None:
    first, second = await reissued(driver, digicert_harness)
    account.asks_to_revoke(first)
    assert await revoke(driver, digicert_harness, second) is None
    assert digicert_harness.revocations() == [serial_of(second)]


async def test_a_request_that_was_rejected_for_another_certificate_refuses_nothing(
    digicert_harness: DigiCertHarness, driver: Driver, asking: Driver, account: Account
) -> None:
    first, second = await reissued(driver, digicert_harness)
    assert isinstance(await revoke(asking, digicert_harness, second), RevocationPending)
    [ours] = account.requests()
    account.decide(account.asks_to_revoke(first), "rejected")
    waits = await revoke(asking, digicert_harness, second, pending=True)
    assert isinstance(waits, RevocationPending)
    account.decide(ours, "approved")
    assert await revoke(asking, digicert_harness, second, pending=True) is None
    assert digicert_harness.revocations() == [serial_of(second)]


async def test_our_request_that_was_rejected_is_refused_and_made_anew_when_asked_again(
    digicert_harness: DigiCertHarness, driver: Driver, asking: Driver, account: Account
) -> None:
    first, second = await reissued(driver, digicert_harness)
    await revoke(asking, digicert_harness, first)
    account.decide(account.requests()[0], "rejected")
    account.asks_to_revoke(second)
    with pytest.raises(OrderRefused, match="rejected"):
        await revoke(asking, digicert_harness, first, pending=True)
    assert isinstance(await revoke(asking, digicert_harness, first), RevocationPending)
    assert len(account.requests()) == 3


async def test_f21_a_request_whose_answer_was_lost_is_not_made_again(
    digicert_harness: DigiCertHarness, driver: Driver, asking: Driver, account: Account
) -> None:
    first, _ = await reissued(driver, digicert_harness)
    digicert_harness.lose_answer("revoke")
    with pytest.raises(OutcomeUnknown):
        await revoke(asking, digicert_harness, first)
    assert isinstance(await revoke(asking, digicert_harness, first), RevocationPending)
    assert len(account.requests()) == 1


async def test_what_a_person_asked_for_in_certcentral_is_not_asked_for_twice(
    digicert_harness: DigiCertHarness, driver: Driver, asking: Driver, account: Account
) -> None:
    issued = await issue(driver, digicert_harness.options, order_for(digicert_harness))
    account.asks_to_revoke(issued)
    assert isinstance(await revoke(asking, digicert_harness, issued), RevocationPending)
    assert len(account.requests()) == 1


async def test_f20_while_a_reissue_is_pending_a_revocation_waits(
    digicert_harness: DigiCertHarness, driver: Driver, asking: Driver
) -> None:
    first = await issue(driver, digicert_harness.options, order_for(digicert_harness))
    await asking.submit(
        replace(order_for(digicert_harness), reissues_ca_ref=first.ca_ref),
        digicert_harness.options,
    )
    with pytest.raises(BackendUnavailable, match="while a reissue is pending"):
        await revoke(driver, digicert_harness, first)
    assert digicert_harness.revocations() == []


def shown_order(*revocations: Requested, one: bool) -> OrderInfo:
    return OrderInfo(OrderLine("1", "issued", "5"), None, one, revocations, {}, "", "", "")


PENDING, REJECTED = Requested(1, "pending", ""), Requested(2, "rejected", "")
APPROVED = Requested(3, "approved", "")


@pytest.mark.parametrize(
    ("requests", "one", "status", "asked", "standing"),
    [
        ([PENDING], True, "approved", False, Standing.WAITING),
        ([PENDING], False, "approved", False, Standing.OPEN),
        ([PENDING], False, "approved", True, Standing.WAITING),
        ([replace(PENDING, status="needs_approval")], True, None, True, Standing.WAITING),
        ([REJECTED], False, "approved", True, Standing.REJECTED),
        ([REJECTED], True, "approved", False, Standing.OPEN),
        ([APPROVED], True, None, True, Standing.DONE),
        ([APPROVED], True, "approved", True, Standing.WAITING),
        ([REJECTED, APPROVED], True, None, False, Standing.DONE),
        ([], True, "revoked", False, Standing.DONE),
    ],
)
def test_requests_without_their_comments_count_where_they_can_be_ours(
    requests: list[Requested], one: bool, status: str | None, asked: bool, standing: Standing
) -> None:
    order = shown_order(*requests, one=one)
    certificate = Revocable(order, CertificateLine("5", 0xA1B2, status), 0xA1B2)
    assert certificate.standing(asked=asked) is standing


def test_a_serial_number_has_whole_bytes() -> None:
    assert Revocable(shown_order(one=True), None, 0xA1B2C).id == "0A1B2C"
