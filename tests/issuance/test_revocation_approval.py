"""Revocations that wait for a second person where the profile says so."""

import asyncio

import pytest
from approvals import FourEyes, another_admin, four_eyes

from api_client import code_of, faults_of
from csrs import csr_for, new_key
from estate import Estate, Json
from simulator import Simulator

WWW = "www.example.com"

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
async def eyes(estate: Estate) -> FourEyes:
    """Only revoking needs approval."""
    return await four_eyes(estate, requires_approval=False, revocation_requires_approval=True)


async def asked(eyes: FourEyes, reason: str = "superseded", **issued: str) -> tuple[str, Json]:
    """A certificate whose revocation was asked for: its path and its content."""
    certificate = await eyes.enrolling.issued(*([] if issued else [WWW]), **issued)
    path = f"/certificates/{certificate['id']}"
    return path, await eyes.requester.post(f"{path}/revoke", {"reason": reason}, 202)


async def test_the_ca_hears_of_it_after_the_approval(eyes: FourEyes, simulator: Simulator) -> None:
    path, shown = await asked(eyes)
    assert shown["revocation"]["state"] == "pending_approval"
    assert shown["status"] == "valid"
    again = await eyes.requester.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    assert again == shown
    problem = await eyes.decide(path, by=eyes.requester, status=403)
    assert code_of(problem.json()) == "self-approval"
    problem = await eyes.approver.post(f"{path}/revocation/approve", {}, 428)
    assert code_of(problem) == "precondition-required"
    late = {"If-Match": f'"{shown["version"] - 1}"'}
    assert code_of(await eyes.approver.post(f"{path}/revocation/approve", {}, 412, headers=late))
    assert simulator.calls("RevokeCertificate") == []
    approved = (await eyes.decide(path, status=202)).json()
    assert approved["revocation"]["state"] == "requested"
    revoked = await eyes.enrolling.until(path, "revocation.state", "done")
    assert revoked["status"] == "revoked"
    assert revoked["revocation"]["self_approved"] is False
    assert len(simulator.ledger("revocation")) == 1
    for somebody in (eyes.approver, eyes.requester):
        problem = await eyes.decide(path, by=somebody, status=409)
        assert code_of(problem.json()) == "wrong-state"
    events = await eyes.requester.everything(f"/audit-events?subject_id={shown['id']}")
    assert [event["action"] for event in reversed(events)] == [
        "certificate.revocation_requested",
        "certificate.revocation_approved",
        "certificate.revoked",
    ]


async def test_a_declined_revocation_can_be_asked_for_again(
    eyes: FourEyes, simulator: Simulator
) -> None:
    path, _ = await asked(eyes)
    problem = await eyes.decide(path, "decline", json={}, status=422)
    assert faults_of(problem.json()) == {("/comment", "field-required")}
    declined = (await eyes.decide(path, "decline", json={"comment": "in use"}, status=200)).json()
    assert declined["revocation"]["state"] == "declined"
    assert declined["revocation"]["detail"] == "in use"
    await eyes.decide(path, status=409)
    again = await eyes.requester.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    assert again["revocation"]["state"] == "pending_approval"
    assert simulator.calls("RevokeCertificate") == []


async def test_f18_of_two_decisions_at_once_one_counts(eyes: FourEyes, estate: Estate) -> None:
    third = await another_admin(estate)
    for verb in ("approve", "decline"):
        path, shown = await asked(eyes)
        answers = await asyncio.gather(eyes.decide(path), eyes.decide(path, verb, third))
        [won] = [answer for answer in answers if answer.is_success]
        [lost] = [answer for answer in answers if not answer.is_success]
        assert code_of(lost.json()) == "wrong-state"
        assert won.json()["version"] == shown["version"] + 1
        events = await eyes.requester.everything(f"/audit-events?subject_id={shown['id']}")
        assert sum(event["principal_id"] is not None for event in events) == 2


async def test_a_key_is_blocked_once_its_revocation_is_approved(eyes: FourEyes) -> None:
    csr = csr_for(WWW, key=new_key())
    path, _ = await asked(eyes, "key_compromise", csr=csr)
    await eyes.enrolling.enroll(csr=csr)
    blocked = "/audit-events?action=certificate.key_blocked"
    assert await eyes.requester.everything(blocked) == []
    await eyes.decide(path, status=202)
    [event] = await eyes.requester.everything(blocked)
    assert event["details"]["comment"] == "looked at it"
    problem = await eyes.requester.post("/enrollments", eyes.enrolling.body(csr=csr), 422)
    assert faults_of(problem) == {("/csr", "key-blocked")}


@pytest.mark.parametrize("in_bulk", [False, True])
async def test_the_key_of_what_is_revoked_already_is_blocked_at_once(
    eyes: FourEyes, in_bulk: bool
) -> None:
    path, shown = await asked(eyes)
    await eyes.decide(path, status=202)
    await eyes.enrolling.until(path, "revocation.state", "done")
    if in_bulk:
        said = {"certificate_ids": [shown["id"]], "reason": "key_compromise"}
        await eyes.requester.post("/bulk-revocations", said, 202)
    else:
        await eyes.requester.post(f"{path}/revoke", {"reason": "key_compromise"}, 200)
    now = await eyes.requester.get(path)
    assert (now["key_blocked"], now["revocation"]["reason"]) == (True, "superseded")


async def test_an_mrao_let_through_is_shown(eyes: FourEyes) -> None:
    path, _ = await asked(eyes)
    own = {"mrao_may_approve_own_requests": True}
    await eyes.requester.patch("/account-settings", own)
    approved = (await eyes.decide(path, by=eyes.requester, status=202)).json()
    assert approved["revocation"]["self_approved"] is True
    found = await eyes.requester.everything("/audit-events?action=certificate.revocation_approved")
    assert [event["details"]["self_approved"] for event in found] == [True]


async def test_without_a_request_there_is_nothing_to_decide(eyes: FourEyes) -> None:
    certificate = await eyes.enrolling.issued(WWW)
    problem = await eyes.decide(f"/certificates/{certificate['id']}", status=409)
    assert code_of(problem.json()) == "wrong-state"
