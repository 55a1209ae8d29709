"""Who signed a certificate is checked in any case, by the CAs the order's own CA backend has."""

import asyncio
from collections import deque

import pytest
from approvals import at_work

from estate import Estate, Json
from memory_ca.authority import Authority
from memory_estate import PASSWORD, memory_chain
from scm_api.settings import Settings
from settlement import Enrolling

WWW = "www.example.com"
QUARANTINED = ("parked", "certificate-quarantined")
ALWAYS = 1000


@pytest.fixture
async def held(estate: Estate) -> tuple[Enrolling, Authority]:
    """A CA that waits for its operator, and its list of CAs, which is kept."""
    chain, authority = await memory_chain(estate, "device")
    authority.holding = True
    return Enrolling(estate.api, chain), authority


async def pending(enrolling: Enrolling, settings: Settings) -> str:
    """The path of an enrollment whose order the CA has."""
    path = f"/enrollments/{(await enrolling.enroll(WWW))['id']}"
    async with at_work(settings):
        await enrolling.until(path, "state", "pending_ca")
    return path


async def forget_cas(enrolling: Enrolling) -> None:
    """Change the connection's secrets: what CAs it offers is not known after that."""
    connector, local = enrolling.chain.connector["id"], enrolling.chain.local_ca_backend["id"]
    path = f"/connectors/{connector}/local-ca-backends/{local}"
    await enrolling.api.patch(path, {"secrets": {"backend_type": "memory", "password": PASSWORD}})


async def ended(enrolling: Enrolling, settings: Settings, path: str) -> Json:
    async with at_work(settings):
        return await enrolling.settled(path.rpartition("/")[2])


@pytest.mark.parametrize("forgotten", [False, True])
async def test_what_another_key_signed_is_quarantined(
    held: tuple[Enrolling, Authority], settings: Settings, *, forgotten: bool
) -> None:
    enrolling, authority = held
    path = await pending(enrolling, settings)
    listed = authority.issuing
    authority.renew()
    authority.release()
    authority.issuing = listed
    if forgotten:
        await forget_cas(enrolling)
    shown = await ended(enrolling, settings, path)
    assert (shown["state"], shown["reason_code"]) == QUARANTINED
    assert "does not build to the CA that was asked" in shown["reason"]


async def test_a_ca_with_a_new_key_is_no_stranger(
    held: tuple[Enrolling, Authority], settings: Settings
) -> None:
    enrolling, authority = held
    path = await pending(enrolling, settings)
    authority.renew()
    authority.release()
    assert (await ended(enrolling, settings, path))["state"] == "issued"


async def test_a_profile_that_moved_on_leaves_its_orders_to_their_ca(
    held: tuple[Enrolling, Authority], estate: Estate, settings: Settings
) -> None:
    enrolling, authority = held
    path = await pending(enrolling, settings)
    elsewhere, _ = await memory_chain(estate, "device")
    profile = f"/certificate-profiles/{enrolling.chain.profile['id']}"
    await estate.api.patch(profile, {"ca_backend_id": elsewhere.ca_backend["id"]})
    authority.release()
    assert (await ended(enrolling, settings, path))["state"] == "issued"


async def test_a_certificate_that_cannot_be_checked_is_collected_again(
    held: tuple[Enrolling, Authority], settings: Settings
) -> None:
    enrolling, authority = held
    path = await pending(enrolling, settings)
    authority.release()
    authority.faults["list"] = deque(["fail"] * ALWAYS)
    await forget_cas(enrolling)
    unchecked = "The certificate is there, but not what it is checked by. The CA did not answer."
    async with at_work(settings):
        shown = await enrolling.until(path, "waits_for", unchecked)
        assert (shown["state"], shown["certificate_id"]) == ("pending_ca", None)
        authority.faults["list"].clear()
        assert (await enrolling.settled(shown["id"]))["state"] == "issued"
    assert len(authority.ledger) == 1


async def test_the_answer_is_kept_before_the_ca_is_asked_about_itself(
    held: tuple[Enrolling, Authority], settings: Settings
) -> None:
    enrolling, authority = held
    authority.renew()
    authority.holding = False
    authority.faults["list"] = deque(["hang"])
    impatient = settings.model_copy(update={"lease_seconds": 2.0, "write_deadline_seconds": 1.0})
    path = f"/enrollments/{(await enrolling.enroll(WWW))['id']}"
    async with at_work(impatient):
        await asyncio.wait_for(authority.hangs.wait(), 10)
        shown = await enrolling.api.get(path)
        assert (shown["state"], shown["certificate_id"]) == ("pending_ca", None)
        assert (await enrolling.settled(shown["id"]))["state"] == "issued"
    assert len(authority.ledger) == 1


async def test_nothing_is_ordered_while_the_limits_of_the_ca_are_unknown(
    held: tuple[Enrolling, Authority], settings: Settings
) -> None:
    enrolling, authority = held
    await forget_cas(enrolling)
    authority.faults["list"] = deque(["fail"] * ALWAYS)
    path = f"/enrollments/{(await enrolling.enroll(WWW))['id']}"
    async with at_work(settings):
        await enrolling.until(path, "reason_code", "ca-unavailable")
        assert not authority.ledger
        authority.faults["list"].clear()
        await enrolling.until(path, "state", "pending_ca")
