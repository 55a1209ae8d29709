"""A retry is a new order, and waits for what the profile requires by then."""

from typing import Any

import pytest
from approvals import FourEyes, at_work, four_eyes

from csrs import csr_for
from estate import Estate
from scm_api.settings import Settings
from settlement import PATIENCE
from simulator import Simulator

WWW = "www.example.com"


async def _parked(eyes: FourEyes, settings: Settings, path: str, body: dict[str, Any]) -> str:
    """The path of an enrollment, asked for by this request, that a disabled profile parked."""
    profile = f"/certificate-profiles/{eyes.enrolling.chain.profile['id']}"
    accepted = await eyes.requester.post(path, body, 202)
    made = accepted.get("enrollment_id") or accepted["id"]
    await eyes.requester.patch(profile, {"enabled": False})
    async with at_work(settings):
        assert (await eyes.enrolling.settled(made))["reason_code"] == "profile-disabled"
    await eyes.requester.patch(profile, {"enabled": True})
    return f"/enrollments/{made}"


@pytest.mark.parametrize("replacing", [False, True])
async def test_t44_a_retry_needs_the_approval_that_is_required_today(
    estate: Estate, settings: Settings, simulator: Simulator, replacing: bool
) -> None:
    eyes = await four_eyes(estate, requires_approval=False)
    path, body, switch = "/enrollments", eyes.enrolling.body(WWW), "requires_approval"
    if replacing:
        async with at_work(settings):
            path = f"/certificates/{(await eyes.enrolling.issued(WWW))['id']}/replace"
        body = {"csr": csr_for(WWW), "reason": "superseded"}
        switch = "revocation_requires_approval"
    made = await _parked(eyes, settings, path, body)
    ordered = len(simulator.ledger("order"))
    profile = f"/certificate-profiles/{eyes.enrolling.chain.profile['id']}"
    await eyes.requester.patch(profile, {switch: True})
    async with at_work(settings):
        retried = await eyes.requester.post(f"{made}/retry", {"comment": "again"}, 202)
        assert retried["state"] == "pending_approval"
        await eyes.decide(made, by=eyes.requester, status=403)
        assert len(simulator.ledger("order")) == ordered
        approved = await eyes.decide(made, status=200, headers=PATIENCE)
        assert approved.json()["state"] == "issued"


async def test_a_retry_of_no_replacement_needs_no_approval_of_revocations(
    estate: Estate, settings: Settings
) -> None:
    switches = {"requires_approval": False, "revocation_requires_approval": True}
    eyes = await four_eyes(estate, **switches)
    made = await _parked(eyes, settings, "/enrollments", eyes.enrolling.body(WWW))
    async with at_work(settings):
        again = {"comment": "again"}
        retried = await eyes.requester.post(f"{made}/retry", again, 200, headers=PATIENCE)
    assert retried["state"] == "issued"
