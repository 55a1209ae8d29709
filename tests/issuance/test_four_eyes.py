"""Four eyes: nothing reaches the CA that a second person has not approved."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from approvals import FourEyes, another_admin, at_work, four_eyes, time_is_up
from sqlalchemy import text, update

from api_client import code_of, faults_of
from csrs import csr_for, new_key
from estate import Estate
from scm_api.db.models import Enrollment
from scm_api.db.session import Database
from scm_api.settings import Settings
from scm_api.worker.expiry import expire_unanswered
from simulator import Simulator

WWW = "www.example.com"


@pytest.fixture
async def eyes(estate: Estate) -> FourEyes:
    """Two admins and a profile that requires approval."""
    return await four_eyes(estate)


async def actions(eyes: FourEyes, thing: str) -> list[str]:
    """What happened to something, oldest first."""
    events = await eyes.requester.everything(f"/audit-events?subject_id={thing}")
    return [event["action"].rpartition(".")[2] for event in reversed(events)]


async def jobs(database: Database) -> int:
    """How many jobs wait."""
    async with database.transaction() as session:
        return int(await session.scalar(text("SELECT count(*) FROM pgqueuer")) or 0)


async def test_nothing_is_ordered_before_another_admin_approved(
    eyes: FourEyes, simulator: Simulator, settings: Settings, database: Database
) -> None:
    made = await eyes.enrolling.enroll(WWW, comment="web shop")
    path = f"/enrollments/{made['id']}"
    assert made["state"] == "pending_approval"
    assert made["next_step_at"] is None
    expires = datetime.fromisoformat(made["approval_expires_at"])
    assert expires == datetime.fromisoformat(made["created_at"]) + timedelta(days=30)
    assert await jobs(database) == 0
    waiting = await eyes.approver.everything("/enrollments?state=pending_approval")
    assert [each["id"] for each in waiting] == [made["id"]]
    assert await eyes.approver.everything("/enrollments?state=approved") == []
    async with at_work(settings):
        approved = (await eyes.decide(path, status=200)).json()
        assert (approved["state"], approved["self_approved"]) == ("approved", False)
        assert simulator.ledger("order") == []
        assert (await eyes.enrolling.settled(made["id"]))["state"] == "issued"
    assert len(simulator.ledger("order")) == 1
    assert (await actions(eyes, made["id"]))[:3] == ["created", "approved", "submitting"]


async def test_a_waiting_request_does_not_hold_the_answer(eyes: FourEyes) -> None:
    body, wait = eyes.enrolling.body(WWW), {"Prefer": "wait=30"}
    made = await eyes.requester.send("POST", "/enrollments", 202, json=body, headers=wait)
    assert made.json()["state"] == "pending_approval"
    assert made.elapsed < timedelta(seconds=10)
    assert made.headers["retry-after"] == "60"


@pytest.mark.parametrize("verb", ["approve", "decline"])
async def test_t41_the_requester_decides_with_none_of_their_keys(eyes: FourEyes, verb: str) -> None:
    made = await eyes.enrolling.enroll(WWW)
    path = f"/enrollments/{made['id']}"
    [ada] = await eyes.requester.everything("/admins?email=ada@example.com")
    service = await eyes.requester.post("/api-keys", {"admin_id": ada["id"], "name": "pipeline"})
    for same in (eyes.requester, eyes.requester.as_key(service["key"])):
        problem = await eyes.decide(path, verb, same, status=403)
        assert code_of(problem.json()) == "self-approval"
    entered = await eyes.requester.as_key(service["key"]).post(
        "/enrollments", eyes.enrolling.body(WWW), 202
    )
    await eyes.decide(f"/enrollments/{entered['id']}", verb, eyes.requester, status=403)
    assert (await eyes.requester.get(path))["version"] == 1
    assert await actions(eyes, made["id"]) == ["created"]


async def test_t42_an_approver_who_left_meanwhile_decides_nothing(
    eyes: FourEyes, estate: Estate
) -> None:
    made = await eyes.enrolling.enroll(WWW)
    gone, key = await estate.api_key()
    approver = eyes.requester.as_key(key["key"])
    await approver.get(f"/enrollments/{made['id']}")
    await eyes.requester.patch(f"/admins/{gone['id']}", {"active": False})
    await eyes.decide(f"/enrollments/{made['id']}", by=approver, status=401)


@pytest.mark.parametrize("verb", ["approve", "decline"])
async def test_t43_a_decision_names_the_version_it_is_about(eyes: FourEyes, verb: str) -> None:
    made = await eyes.enrolling.enroll(WWW)
    path, body = f"/enrollments/{made['id']}/{verb}", {"comment": "fine"}
    problem = await eyes.approver.post(path, body, 428)
    assert code_of(problem) == "precondition-required"
    problem = await eyes.approver.post(path, body, 412, headers={"If-Match": '"2"'})
    assert code_of(problem) == "stale"


async def test_declining_takes_a_comment_and_is_final(eyes: FourEyes, simulator: Simulator) -> None:
    made = await eyes.enrolling.enroll(WWW)
    path = f"/enrollments/{made['id']}"
    for body, code in (({}, "field-required"), ({"comment": ""}, "too-short")):
        problem = await eyes.decide(path, "decline", json=body, status=422)
        assert faults_of(problem.json()) == {("/comment", code)}
    declined = (await eyes.decide(path, "decline", json={"comment": "not now"}, status=200)).json()
    assert (declined["state"], declined["reason"]) == ("declined", "not now")
    for verb in ("approve", "decline"):
        for somebody in (eyes.approver, eyes.requester):
            problem = await eyes.decide(path, verb, by=somebody, status=409)
            assert code_of(problem.json()) == "wrong-state"
    assert await actions(eyes, made["id"]) == ["created", "declined"]
    assert simulator.calls("IssueCertificate") == []


@pytest.mark.parametrize(
    "member", ["state", "approved_by", "requester_id", "self_approved", "approval_digest"]
)
async def test_t39_nobody_approves_by_a_field(eyes: FourEyes, member: str) -> None:
    body = eyes.enrolling.body(WWW, **{member: "approved"})
    problem = await eyes.requester.post("/enrollments", body, 422)
    assert faults_of(problem) == {(f"/{member}", "unknown-field")}


async def _approved_and_changed(
    eyes: FourEyes, database: Database, **changes: Any
) -> dict[str, Any]:
    made = await eyes.enrolling.enroll(WWW)
    await eyes.decide(f"/enrollments/{made['id']}", status=200)
    async with database.transaction() as session:
        statement = update(Enrollment).where(Enrollment.id == UUID(made["id"]))
        await session.execute(statement.values(**changes))
    return made


@pytest.mark.parametrize(
    "changes",
    [{"term_days": 90}, {"approval_digest": None}, {"names": [{"kind": "dns", "value": "x.y"}]}],
    ids=["term", "no approval", "names"],
)
async def test_t43_only_what_was_approved_is_ordered(
    eyes: FourEyes,
    database: Database,
    settings: Settings,
    simulator: Simulator,
    changes: dict[str, Any],
) -> None:
    made = await _approved_and_changed(eyes, database, **changes)
    async with at_work(settings):
        parked = await eyes.enrolling.settled(made["id"])
    assert (parked["state"], parked["reason_code"]) == ("parked", "approval-differs")
    assert parked["history"][-1]["why"] == parked["reason"]
    assert simulator.calls("IssueCertificate") == []


async def test_t44_a_retry_needs_approval_again(
    eyes: FourEyes, database: Database, settings: Settings, simulator: Simulator
) -> None:
    made = await _approved_and_changed(eyes, database, term_days=90)
    path = f"/enrollments/{made['id']}"
    async with at_work(settings):
        await eyes.enrolling.settled(made["id"])
        retried = await eyes.requester.post(f"{path}/retry", {"comment": "again"}, 202)
        assert retried["state"] == "pending_approval"
        assert retried["next_step_at"] is None
        await eyes.decide(path, by=eyes.requester, status=403)
        assert simulator.calls("IssueCertificate") == []
        await eyes.decide(path, status=200)
        assert (await eyes.enrolling.settled(made["id"]))["state"] == "issued"
    assert len(simulator.ledger("order")) == 1
    assert "approval_requested" in await actions(eyes, made["id"])


@pytest.mark.usefixtures("worker")
async def test_t44_a_renewal_needs_approval_and_shows_what_it_changes(
    estate: Estate, simulator: Simulator
) -> None:
    eyes = await four_eyes(estate, renew_with_same_key=True)
    key = new_key()
    old = await eyes.issued(csr=csr_for(WWW, key=key))
    renew, body = f"/certificates/{old['id']}/renew", {"csr": csr_for(WWW), "term_days": 90}
    renewal = await eyes.requester.post(renew, body, 202)
    assert renewal["state"] == "pending_approval"
    path = f"/enrollments/{renewal['enrollment_id']}"
    shown = await eyes.approver.get(path)
    assert shown["difference"] == {
        "certificate_id": old["id"],
        "names_added": [],
        "names_removed": [],
        "key_changed": True,
        "key_type_before": "ec-p256",
        "term_days_before": 30,
        "not_after_before": old["not_after"],
        "profile_version_before": 1,
    }
    same_key = await eyes.requester.post(renew, {"csr": csr_for(WWW, key=key)}, 202)
    other = await eyes.approver.get(f"/enrollments/{same_key['enrollment_id']}")
    assert other["difference"]["key_changed"] is False
    assert len(simulator.ledger("order")) == 1
    await eyes.decide(path, status=200)
    renewed = await eyes.enrolling.settled(renewal["enrollment_id"])
    assert renewed["renews_certificate_id"] == old["id"]
    assert renewed["state"] == "issued"


async def test_the_approver_sees_the_request_decoded(eyes: FourEyes) -> None:
    made = await eyes.enrolling.enroll(WWW, "api.example.com", term_days=90)
    profile = eyes.enrolling.chain.profile
    renamed = {"name": "renamed since"}
    await eyes.requester.patch(f"/certificate-profiles/{profile['id']}", renamed)
    shown = await eyes.approver.get(f"/enrollments/{made['id']}")
    assert shown["request"] == {
        "subject": f"CN={WWW}",
        "names": [{"kind": "dns", "value": name} for name in (WWW, "api.example.com")],
        "key_type": "ec-p256",
        "key_bits": 256,
        "spki_sha256": made["spki_sha256"],
        "term_days": 90,
        "not_after": None,
        "profile_name": profile["name"],
        "profile_version": 1,
    }
    assert shown["difference"] is None
    [listed] = await eyes.approver.everything("/enrollments")
    assert not {"request", "difference", "history"} & listed.keys()


@pytest.mark.usefixtures("worker")
async def test_the_history_is_told_in_words(eyes: FourEyes) -> None:
    certificate = await eyes.issued(WWW, comment="web shop, ticket 4711")
    shown = await eyes.requester.get(f"/enrollments/{certificate['enrollment_id']}")
    asked, approved, sending, taken, issued = shown["history"]
    assert (asked["by"], asked["why"]) == ("Ada Lovelace", "web shop, ticket 4711")
    assert asked["what"].endswith("it waits for approval")
    assert (approved["what"], approved["why"]) == ("Approved", "looked at it")
    assert approved["by"].startswith("Admin-")
    assert {sending["by"], taken["by"], issued["by"]} == {"the service"}
    assert certificate["serial_number"] in issued["what"]
    times = [entry["at"] for entry in shown["history"]]
    assert times == sorted(times)


async def test_an_unanswered_request_is_over_before_anything_has_run(
    eyes: FourEyes, database: Database
) -> None:
    made = await eyes.enrolling.enroll(WWW)
    path = f"/enrollments/{made['id']}"
    assert await expire_unanswered(database) == 0
    await time_is_up(database, path)
    shown = await eyes.requester.get(path)
    assert (shown["state"], shown["reason_code"]) == ("canceled", "approval-expired")
    assert await eyes.approver.everything("/enrollments?state=pending_approval") == []
    listed = await eyes.approver.everything("/enrollments?state=canceled")
    assert [each["reason"] for each in listed] == [shown["reason"]]
    for verb in ("approve", "decline", "cancel"):
        problem = await eyes.decide(path, verb, status=409)
        assert code_of(problem.json()) == "wrong-state"
    assert await expire_unanswered(database) == 1
    assert await expire_unanswered(database) == 0
    ended = await eyes.requester.get(path)
    assert ended["version"] == made["version"] + 1
    assert {**ended, "version": 0, "updated_at": "", "history": []} == {
        **shown,
        "version": 0,
        "updated_at": "",
        "history": [],
    }
    assert await actions(eyes, made["id"]) == ["created", "expired"]


async def test_an_unanswered_revocation_is_over_before_anything_has_run(
    estate: Estate, database: Database, settings: Settings
) -> None:
    eyes = await four_eyes(estate, requires_approval=False, revocation_requires_approval=True)
    async with at_work(settings):
        path = f"/certificates/{(await eyes.enrolling.issued(WWW))['id']}"
    shown = await eyes.requester.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    await time_is_up(database, path)
    assert (await eyes.requester.get(path))["revocation"]["state"] == "expired"
    await eyes.decide(path, status=409)
    assert await expire_unanswered(database) == 1
    assert await expire_unanswered(database) == 0
    ended = await eyes.requester.get(path)
    assert ended["revocation"]["state"] == "expired"
    assert ended["version"] == shown["version"] + 1
    assert await actions(eyes, shown["id"]) == ["revocation_requested", "revocation_expired"]
    again = await eyes.requester.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    assert again["revocation"]["state"] == "pending_approval"


async def test_a_worker_ends_what_nobody_answered(
    eyes: FourEyes, database: Database, settings: Settings
) -> None:
    made = await eyes.enrolling.enroll(WWW)
    path = f"/enrollments/{made['id']}"
    await time_is_up(database, path)
    async with at_work(settings):
        await eyes.enrolling.until(path, "version", made["version"] + 1)
    assert await actions(eyes, made["id"]) == ["created", "expired"]


async def test_an_mrao_may_be_let_approve_their_own(eyes: FourEyes) -> None:
    made = await eyes.enrolling.enroll(WWW)
    path = f"/enrollments/{made['id']}"
    settings = await eyes.requester.get("/account-settings")
    assert settings["mrao_may_approve_own_requests"] is False
    changed = await eyes.requester.patch(
        "/account-settings", {"mrao_may_approve_own_requests": True}, if_match=settings["version"]
    )
    assert changed["version"] == settings["version"] + 1
    approved = (await eyes.decide(path, by=eyes.requester, status=200)).json()
    assert approved["self_approved"] is True
    event = (await eyes.requester.everything(f"/audit-events?subject_id={made['id']}"))[0]
    assert event["action"] == "enrollment.approved"
    assert event["details"]["self_approved"] is True
    by_another = await eyes.enrolling.enroll(WWW)
    other = (await eyes.decide(f"/enrollments/{by_another['id']}", status=200)).json()
    assert other["self_approved"] is False
    [change] = await eyes.requester.everything("/audit-events?action=account_settings.updated")
    assert change["details"] == {"mrao_may_approve_own_requests": True}


async def test_a_profile_without_approval_orders_at_once(estate: Estate, eyes: FourEyes) -> None:
    profile = f"/certificate-profiles/{eyes.enrolling.chain.profile['id']}"
    before = await eyes.enrolling.enroll(WWW)
    await estate.api.patch(profile, {"requires_approval": False})
    made = await eyes.enrolling.enroll(WWW)
    assert (made["state"], made["approval_expires_at"]) == ("approved", None)
    third = await another_admin(estate)
    problem = await replace(eyes, approver=third).decide(f"/enrollments/{made['id']}", status=409)
    assert code_of(problem.json()) == "wrong-state"
    kept = await estate.api.get(f"/enrollments/{before['id']}")
    assert kept["state"] == "pending_approval", "earlier requests keep the rules of their day"
