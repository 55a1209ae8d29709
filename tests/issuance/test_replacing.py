"""Replacing: the successor first, the revocation of the old certificate with it, never before."""

from datetime import timedelta

import pytest
from approvals import at_work, four_eyes
from sqlalchemy import func, update

from api_client import code_of, faults_of
from csrs import csr_for, new_key
from estate import Estate, Json
from scm_api.db.models import Certificate
from scm_api.db.session import Database
from scm_api.settings import Settings
from settlement import PATIENCE, Enrolling
from simulator import Simulator

WWW = "www.example.com"


async def replaced(enrolling: Enrolling, old: Json, **changes: object) -> Json:
    """The enrollment of a replacement."""
    body = {"csr": csr_for(WWW)} | changes
    path = f"/certificates/{old['id']}/replace"
    answer = await enrolling.api.send("POST", path, json=body, headers=PATIENCE)
    found: Json = await enrolling.api.get(f"/enrollments/{answer.json()['enrollment_id']}")
    assert answer.status_code == (201 if found["state"] == "issued" else 202)
    return found


@pytest.mark.usefixtures("worker")
async def test_the_old_certificate_is_revoked_once_the_new_one_is_there(
    enrolling: Enrolling, simulator: Simulator
) -> None:
    old = await enrolling.issued(WWW)
    path = f"/certificates/{old['id']}"
    enrollment = await replaced(enrolling, old, reason="cessation_of_operation")
    assert enrollment["state"] == "issued"
    assert enrollment["renews_certificate_id"] == old["id"]
    assert enrollment["replace_reason"] == "cessation_of_operation"
    new = await enrolling.api.get(f"/certificates/{enrollment['certificate_id']}")
    assert new["not_after"] == old["not_after"], "for the rest of the term"
    assert new["names"] == old["names"]
    gone = await enrolling.until(path, "revocation.state", "done")
    assert gone["revocation"]["reason"] == "cessation_of_operation"
    assert gone["renewed_by_certificate_ids"] == [new["id"]]
    assert (await enrolling.api.get(f"/certificates/{new['id']}"))["status"] == "valid"
    [revocation] = simulator.ledger("revocation")
    assert int(revocation["serial"].replace(":", ""), 16) == int(old["serial_number"], 16)
    events = await enrolling.api.everything(f"/audit-events?subject_id={old['id']}")
    assert [event["action"] for event in reversed(events)] == [
        "certificate.revocation_requested",
        "certificate.revoked",
    ]
    assert events[-1]["details"]["replaced_by_enrollment_id"] == enrollment["id"]
    history = [entry["what"] for entry in enrollment["history"]]
    assert "the one it replaces will be revoked" in history[0]


@pytest.mark.usefixtures("worker")
async def test_a_replacement_that_fails_revokes_nothing(
    enrolling: Enrolling, simulator: Simulator
) -> None:
    old = await enrolling.issued(WWW)
    simulator.fault("IssueCertificate", "error", code="MalformedCSRException", status=400)
    enrollment = await replaced(enrolling, old)
    assert enrollment["state"] == "rejected"
    kept = await enrolling.api.get(f"/certificates/{old['id']}")
    assert (kept["status"], kept["revocation"]) == ("valid", None)
    assert simulator.ledger("revocation") == []


@pytest.mark.usefixtures("worker")
async def test_the_key_is_kept_only_where_the_profile_says_so(
    estate: Estate, enrolling: Enrolling
) -> None:
    key = new_key()
    lenient = Enrolling(estate.api, await estate.chain(renew_with_same_key=True))
    for each, allowed in ((enrolling, False), (lenient, True)):
        old = await each.issued(csr=csr_for(WWW, key=key))
        path = f"/certificates/{old['id']}"
        same = {"csr": csr_for(WWW, key=key)}
        compromised = same | {"reason": "key_compromise"}
        problem = await estate.api.post(f"{path}/replace", compromised, 422)
        assert faults_of(problem) == {("/csr", "key-reused")}
        for step in ("renew", "replace"):
            answer = await estate.api.send("POST", f"{path}/{step}", json=same)
            assert answer.status_code == (202 if allowed else 422)
            if not allowed:
                assert faults_of(answer.json()) == {("/csr", "key-reused")}


@pytest.mark.parametrize("verb", ["renew", "replace"])
async def test_the_answer_has_the_etag_of_the_enrollment(
    enrolling: Enrolling, settings: Settings, verb: str
) -> None:
    made = await enrolling.enroll(WWW)
    async with at_work(settings):
        old = (await enrolling.settled(made["id"]))["certificate_id"]
    path, body = f"/certificates/{old}/{verb}", {"csr": csr_for(WWW)}
    answer = await enrolling.api.send("POST", path, 202, json=body)
    location = answer.headers["Location"]
    shown = await enrolling.api.send("GET", location, 200)
    assert answer.headers["ETag"] == shown.headers["ETag"]
    as_read = {"If-Match": answer.headers["ETag"]}
    await enrolling.api.send("POST", f"{location}/cancel", 200, json={}, headers=as_read)


async def test_a_compromised_key_is_blocked_before_its_replacement_is_there(
    enrolling: Enrolling, settings: Settings
) -> None:
    key = new_key()
    made = await enrolling.enroll(csr=csr_for(WWW, key=key))
    async with at_work(settings):
        old = await enrolling.settled(made["id"])
    path = f"/certificates/{old['certificate_id']}"
    body = {"csr": csr_for(WWW), "reason": "key_compromise"}
    replacing = await enrolling.api.post(f"{path}/replace", body, 202)
    [event] = await enrolling.api.everything("/audit-events?action=certificate.key_blocked")
    assert event["details"]["replaced_by_enrollment_id"] == replacing["enrollment_id"]
    assert event["subject_id"] == old["certificate_id"]
    again = enrolling.body(csr=csr_for(WWW, key=key))
    problem = await enrolling.api.post("/enrollments", again, 422)
    assert ("/csr", "key-blocked") in faults_of(problem)
    problem = await enrolling.api.post(f"{path}/replace", {"csr": csr_for(WWW)}, 409)
    assert "being replaced already" in problem["detail"]


async def test_certificates_that_share_a_key_are_replaced_side_by_side(
    estate: Estate, settings: Settings
) -> None:
    enrolling = Enrolling(estate.api, await estate.chain(renew_with_same_key=True))
    csr = csr_for(WWW)
    async with at_work(settings):
        pair = [await enrolling.issued(csr=csr) for _ in range(2)]
    replacements = [
        await enrolling.api.post(
            f"/certificates/{each['id']}/replace",
            {"csr": csr_for(WWW), "reason": "key_compromise"},
            202,
        )
        for each in pair
    ]
    async with at_work(settings):
        for each in replacements:
            assert (await enrolling.settled(each["enrollment_id"]))["state"] == "issued"
        for each in pair:
            await enrolling.until(f"/certificates/{each['id']}", "revocation.state", "done")


async def test_a_profile_that_became_one_for_another_type_does_not_replace(
    enrolling: Enrolling, settings: Settings, database: Database
) -> None:
    async with at_work(settings):
        old = await enrolling.issued(WWW)
    async with database.transaction() as session:
        await session.execute(update(Certificate).values(certificate_type="device"))
    for step in ("renew", "replace"):
        problem = await enrolling.api.post(
            f"/certificates/{old['id']}/{step}", {"csr": csr_for(WWW)}, 422
        )
        assert faults_of(problem) == {("", "certificate-type-differs")}


@pytest.mark.usefixtures("worker")
async def test_every_fault_of_a_replacement_is_told_at_once(
    enrolling: Enrolling, database: Database
) -> None:
    old = await enrolling.issued(WWW)
    path = f"/certificates/{old['id']}/replace"
    problem = await enrolling.api.post(path, {"csr": "x", "reason": "boredom", "days": 3}, 422)
    assert faults_of(problem) >= {("/reason", "not-a-choice"), ("/days", "unknown-field")}
    other = {"csr": csr_for(WWW, "api.example.com")}
    assert ("/csr", "names-differ") in faults_of(await enrolling.api.post(path, other, 422))
    async with database.transaction() as session:
        soon = func.now() + timedelta(minutes=5)
        await session.execute(update(Certificate).values(not_after=soon))
    problem = await enrolling.api.post(path, {"csr": csr_for(WWW)}, 422)
    assert faults_of(problem) == {("", "term-too-short")}
    assert problem["errors"][0]["accepted"].startswith("a renewal")
    async with database.transaction() as session:
        await session.execute(update(Certificate).values(not_after=Certificate.not_before))
    assert code_of(await enrolling.api.post(path, {"csr": csr_for(WWW)}, 409)) == "wrong-state"


@pytest.mark.usefixtures("worker")
async def test_what_is_revoked_is_not_replaced(enrolling: Enrolling) -> None:
    old = await enrolling.issued(WWW)
    path = f"/certificates/{old['id']}"
    await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    problem = await enrolling.api.post(f"{path}/replace", {"csr": csr_for(WWW)}, 409)
    assert code_of(problem) == "wrong-state"


@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({"requires_approval": True}, id="enrollments"),
        pytest.param(
            {"requires_approval": False, "revocation_requires_approval": True}, id="revocations"
        ),
    ],
)
async def test_t44_one_approval_is_for_the_new_certificate_and_the_end_of_the_old(
    estate: Estate, settings: Settings, switches: Json
) -> None:
    eyes = await four_eyes(estate, **switches)
    async with at_work(settings):
        if switches["requires_approval"]:
            old = await eyes.issued(WWW)
        else:
            old = await eyes.enrolling.issued(WWW)
        path = f"/certificates/{old['id']}"
        accepted = await eyes.requester.post(f"{path}/replace", {"csr": csr_for(WWW)}, 202)
        assert accepted["state"] == "pending_approval"
        where = f"/enrollments/{accepted['enrollment_id']}"
        assert (await eyes.requester.get(where))["replace_reason"] == "superseded"
        assert (await eyes.decide(where, by=eyes.requester)).status_code == 403
        assert (await eyes.requester.get(path))["revocation"] is None
        assert (await eyes.decide(where)).status_code == 200
        assert (await eyes.enrolling.settled(accepted["enrollment_id"]))["state"] == "issued"
        await eyes.enrolling.until(path, "revocation.state", "done")
