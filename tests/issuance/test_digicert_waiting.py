"""Orders at CertCentral that are long in coming: outages, refusals, answers that are no answers."""

from datetime import timedelta

import pytest
from approvals import at_work
from waiting import Waiting

from digicert_estate import CertCentral, digicert_chain
from estate import Estate
from scm_api.db.session import Database
from scm_api.sandbox import digicert
from scm_api.settings import Settings
from settlement import Enrolling

WWW = "www.example.com"


@pytest.fixture
async def pending(
    estate: Estate, certcentral: CertCentral, database: Database, settings: Settings
) -> Waiting:
    """An order of two days ago that waits for its domain to be proven; the worker is gone."""
    certcentral.unprove("example.com")
    enrolling = Enrolling(estate.api, await digicert_chain(estate, certcentral))
    found = Waiting(enrolling, database, await enrolling.enroll(WWW))
    certcentral.behave(clock_offset_seconds=-48 * 3600)
    async with at_work(settings):
        await found.until("state", "pending_ca")
    certcentral.behave(clock_offset_seconds=0)
    return found


async def issued_ago(certcentral: CertCentral, pending: Waiting, hours: int) -> None:
    """DigiCert issued the order so long ago, and nobody has asked it since."""
    ca_ref = (await pending.shown())["ca_ref"]
    certcentral.behave(clock_offset_seconds=-hours * 3600)
    certcentral.prove("example.com")
    assert certcentral.call("GET", f"/order/certificate/{ca_ref}")["status"] == "issued"
    certcentral.behave(clock_offset_seconds=0)


async def test_f15_what_was_issued_while_the_key_was_refused_is_collected(
    pending: Waiting, certcentral: CertCentral, settings: Settings
) -> None:
    key = {"key": digicert.ADMIN_KEY, "revoked": True}
    certcentral.control("POST", "/keys", key)
    await pending.passes(timedelta(days=3))
    async with at_work(settings):
        await pending.until("reason_code", "backend-refused")
        await pending.look_after(timedelta(0))  # put off, as every five minutes
    certcentral.control("POST", "/keys", key | {"revoked": False})
    await issued_ago(certcentral, pending, hours=40)
    backend = pending.enrolling.chain.ca_backend["id"]
    await pending.enrolling.api.post(f"/ca-backends/{backend}/check", status=200)
    await pending.passes(timedelta(0))
    async with at_work(settings):
        await pending.until("state", "issued")
    assert len(certcentral.ledger("order")) == 1


async def test_f15_an_order_is_asked_itself_once_a_day(
    pending: Waiting, certcentral: CertCentral, settings: Settings
) -> None:
    async with at_work(settings):
        for _ in range(2):
            await pending.look_after(timedelta(hours=11))
        assert certcentral.calls("get_order") == []
        await pending.look_after(timedelta(hours=3))
        assert len(certcentral.calls("get_order")) == 1
        await pending.look_after(timedelta(hours=11))
    assert len(certcentral.calls("get_order")) == 1


@pytest.mark.parametrize("status", [400, 404])
async def test_f15_a_chain_that_is_not_there_yet_ends_no_order(
    pending: Waiting, certcentral: CertCentral, settings: Settings, status: int
) -> None:
    await issued_ago(certcentral, pending, hours=0)
    certcentral.fault("get_chain", "error", count=None, status=status, code="not_found")
    async with at_work(settings):
        shown = await pending.look_after(timedelta(0))
        assert (shown["state"], shown["reason_code"]) == ("pending_ca", "order-untold")
        assert "scripted fault" in shown["reason"], "DigiCert's words"
        certcentral.control("DELETE", "/faults")
        assert (await pending.look_after(timedelta(0)))["state"] == "issued"


async def test_f15_an_order_that_the_key_may_not_see_any_more_goes_to_a_person_after_a_day(
    pending: Waiting, certcentral: CertCentral, settings: Settings
) -> None:
    certcentral.fault("get_order", "error", count=None, status=404, code="not_found|order")
    async with at_work(settings):
        await pending.look_after(timedelta(hours=25))
        assert (await pending.look_after(timedelta(hours=23)))["state"] == "pending_ca"
        parked = await pending.look_after(timedelta(hours=2))
        assert (parked["state"], parked["reason_code"]) == ("parked", "order-untold")
        ((ca_ref, _),) = await pending.attempts()
        assert ca_ref in parked["reason"]
        certcentral.control("DELETE", "/faults")
        certcentral.prove("example.com")
        await pending.enrolling.api.post(f"{pending.path}/adopt", {"ca_ref": ca_ref}, 200)
        await pending.until("state", "issued")
    assert len(certcentral.ledger("order")) == 1


async def test_f02_an_order_that_is_found_again_is_kept_though_its_chain_is_not_there_yet(
    estate: Estate, certcentral: CertCentral, database: Database, settings: Settings
) -> None:
    enrolling = Enrolling(estate.api, await digicert_chain(estate, certcentral))
    certcentral.fault("place_order", "reset", when="after")
    certcentral.fault("get_chain", "error", count=None, status=404, code="not_found")
    found = Waiting(enrolling, database, await enrolling.enroll(WWW))
    async with at_work(settings):
        await found.until("state", "pending_ca")
        assert (await found.shown())["ca_ref"]
        certcentral.control("DELETE", "/faults")
        assert (await found.look_after(timedelta(0)))["state"] == "issued"
    assert len(certcentral.ledger("order")) == 1
