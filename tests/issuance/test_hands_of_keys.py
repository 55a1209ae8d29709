"""Four eyes are two people's: nobody asks and approves by keys that went through their hands."""

from dataclasses import replace

import pytest
from approvals import FourEyes, another_admin, four_eyes

from api_client import Api, code_of
from estate import Estate
from settlement import Enrolling

WWW = "www.example.com"


@pytest.fixture
async def eyes(estate: Estate) -> FourEyes:
    """Two admins with keys of their own, and a profile that requires approval."""
    return await four_eyes(estate, revocation_requires_approval=True)


async def given_key(giver: Api, admin_id: str) -> Api:
    """The API as an admin calls it with a key that `giver` made for them."""
    key = await giver.post("/api-keys", {"admin_id": admin_id, "name": "key"})
    return giver.as_key(key["key"])


async def new_admin(giver: Api, name: str, organization_id: str) -> tuple[str, Api]:
    """An RAO with every right that matters, made and given a key by `giver`."""
    body = {
        "name": name,
        "email": f"{name}@example.com",
        "role": "rao",
        "organization_ids": [organization_id],
        "certificate_types": ["ssl"],
        "privileges": ["enroll", "approve", "revoke", "create_peers"],
    }
    made = await giver.post("/admins", body)
    return made["id"], await given_key(giver, made["id"])


async def refused(eyes: FourEyes, path: str, by: Api) -> str:
    """What an approver is told who may not decide."""
    for verb in ("approve", "decline"):
        problem = (await eyes.decide(path, verb, by, status=403)).json()
        assert code_of(problem) == "self-approval"
    return str(problem["detail"])


async def asked_by(eyes: FourEyes, requester: Api) -> str:
    """The path of an enrollment that waits."""
    enrolling = Enrolling(requester, eyes.enrolling.chain)
    return f"/enrollments/{(await enrolling.enroll(WWW))['id']}"


async def test_t41_a_key_the_requester_handed_out_approves_nothing(eyes: FourEyes) -> None:
    organization = eyes.enrolling.chain.organization["id"]
    id_, rao = await new_admin(eyes.approver, "rao", organization)
    peer, _ = await new_admin(eyes.approver, "peer", organization)
    path = await asked_by(eyes, rao)
    handed = await given_key(rao, peer)
    assert "the admin who asked" in await refused(eyes, path, handed)
    made_with_it = await given_key(handed, peer)
    await refused(eyes, path, made_with_it)
    puppet, controlled = await new_admin(handed, "puppet", organization)
    assert puppet not in (id_, peer)
    await refused(eyes, path, controlled)
    assert (await eyes.requester.get(path))["state"] == "pending_approval"
    await eyes.decide(path, by=eyes.requester, status=200)


async def test_t41_an_mrao_approves_nothing_by_an_admin_it_made(eyes: FourEyes) -> None:
    path = await asked_by(eyes, eyes.requester)
    made = await eyes.requester.post("/admins", {"name": "Bob", "email": "bob@example.com"})
    await refused(eyes, path, await given_key(eyes.requester, made["id"]))
    await eyes.decide(path, by=await given_key(eyes.approver, made["id"]), status=200)


async def test_t41_who_handed_out_the_requesters_key_does_not_approve(eyes: FourEyes) -> None:
    organization = eyes.enrolling.chain.organization["id"]
    _, rao = await new_admin(eyes.requester, "rao", organization)
    _, peer = await new_admin(rao, "peer", organization)
    path = await asked_by(eyes, peer)
    assert "you handed out" in await refused(eyes, path, rao)
    await eyes.decide(path, status=200)


async def test_t41_two_keys_from_one_hand_are_one_person(eyes: FourEyes) -> None:
    organization = eyes.enrolling.chain.organization["id"]
    _, rao = await new_admin(eyes.requester, "rao", organization)
    _, one = await new_admin(rao, "one", organization)
    id_, two = await new_admin(rao, "two", organization)
    path = await asked_by(eyes, one)
    assert "by the same admin" in await refused(eyes, path, two)
    await eyes.decide(path, by=await given_key(eyes.approver, id_), status=200)


async def test_admins_who_got_their_keys_from_an_mrao_are_two_people(eyes: FourEyes) -> None:
    organization = eyes.enrolling.chain.organization["id"]
    _, one = await new_admin(eyes.requester, "one", organization)
    _, two = await new_admin(eyes.requester, "two", organization)
    for approver in (two, eyes.requester):
        await eyes.decide(await asked_by(eyes, one), by=approver, status=200)


async def test_t41_a_key_made_for_oneself_stays_ones_own(eyes: FourEyes, estate: Estate) -> None:
    [admin] = await eyes.approver.everything("/admins?email=ada@example.com")
    own = await given_key(eyes.requester, admin["id"])
    path = await asked_by(eyes, eyes.approver)
    await eyes.decide(path, by=own, status=200)
    third = await another_admin(estate)
    other = await asked_by(eyes, own)
    assert (await replace(eyes, approver=third).decide(other)).status_code == 200


@pytest.mark.usefixtures("worker")
async def test_t41_the_same_holds_for_revocations(eyes: FourEyes) -> None:
    organization = eyes.enrolling.chain.organization["id"]
    _, maker = await new_admin(eyes.requester, "maker", organization)
    _, rao = await new_admin(maker, "rao", organization)
    peer, _ = await new_admin(eyes.approver, "peer", organization)
    path = f"/certificates/{(await eyes.issued(WWW))['id']}"
    await rao.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    await refused(eyes, path, await given_key(rao, peer))
    await refused(eyes, path, maker)
    await eyes.decide(path, by=await given_key(eyes.approver, peer), status=202)
