"""Renewing and revoking, with the CA's word for it."""

import asyncio

import pytest

from api_client import code_of, faults_of
from csrs import csr_for, new_key
from estate import NOWHERE, Estate
from settlement import PATIENCE, Enrolling
from simulator import Simulator

WWW = "www.example.com"

pytestmark = pytest.mark.usefixtures("worker")


async def test_a_renewal_is_visible_from_both_ends(enrolling: Enrolling) -> None:
    old = await enrolling.issued(WWW)
    path = f"/certificates/{old['id']}"
    body = {"csr": csr_for(WWW)}
    made = await enrolling.api.send("POST", f"{path}/renew", 201, json=body, headers=PATIENCE)
    accepted = made.json()
    enrollment = await enrolling.api.get(f"/enrollments/{accepted['enrollment_id']}")
    assert accepted.items() <= (enrollment | {"enrollment_id": enrollment["id"]}).items()
    assert enrollment["state"] == "issued"
    assert enrollment["renews_certificate_id"] == old["id"]
    new = await enrolling.api.get(made.headers["location"])
    assert new["renews_certificate_id"] == old["id"]
    shown = await enrolling.api.get(path)
    assert shown["renewed_by_certificate_ids"] == [new["id"]]
    assert shown["status"] == "valid"


async def test_a_renewal_for_other_names_is_refused(enrolling: Enrolling) -> None:
    old = await enrolling.issued(WWW)
    body = {"csr": csr_for(WWW, "api.example.com")}
    problem = await enrolling.api.post(f"/certificates/{old['id']}/renew", body, 422)
    assert ("/csr", "names-differ") in faults_of(problem)
    assert any("enroll anew" in fault.get("accepted", "") for fault in problem["errors"])


async def test_t44_a_profile_may_forbid_renewals(estate: Estate) -> None:
    enrolling = Enrolling(estate.api, await estate.chain(allow_renew=False))
    old = await enrolling.issued(WWW)
    body = {"csr": csr_for(WWW)}
    problem = await estate.api.post(f"/certificates/{old['id']}/renew", body, 409)
    assert code_of(problem) == "renew-not-allowed"


async def test_t44_a_domain_given_up_is_not_renewed(estate: Estate, enrolling: Enrolling) -> None:
    old = await enrolling.issued(WWW)
    organization = f"/organizations/{enrolling.chain.organization['id']}"
    for domain in await estate.api.everything(f"{organization}/domains"):
        await estate.api.delete(f"{organization}/domains/{domain['id']}")
    body = {"csr": csr_for(WWW)}
    problem = await estate.api.post(f"/certificates/{old['id']}/renew", body, 422)
    assert ("/csr", "name-not-allowed") in faults_of(problem)


async def test_a_certificate_is_revoked_at_the_ca_once(
    enrolling: Enrolling, simulator: Simulator
) -> None:
    certificate = await enrolling.issued(WWW)
    path = f"/certificates/{certificate['id']}"
    asked = await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    assert asked["revocation"]["state"] == "requested"
    assert asked["status"] == "valid"
    revoked = await enrolling.until(path, "revocation.state", "done")
    assert revoked["status"] == "revoked"
    again = await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 200)
    assert again == revoked
    assert len(simulator.ledger("revocation")) == 1
    events = await enrolling.api.everything(f"/audit-events?subject_id={certificate['id']}")
    assert [event["action"] for event in reversed(events)] == [
        "certificate.revocation_requested",
        "certificate.revoked",
    ]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDeniedException", "acm-pca:RevokeCertificate on arn:aws"),
        ("InvalidStateException", "not in a state for RevokeCertificate"),
    ],
)
async def test_a_revocation_that_waits_says_why(
    enrolling: Enrolling, simulator: Simulator, code: str, said: str
) -> None:
    certificate = await enrolling.issued(WWW)
    simulator.fault("RevokeCertificate", "error", status=400, code=code, message="No.")
    path = f"/certificates/{certificate['id']}"
    await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    for _ in range(200):
        if (shown := await enrolling.api.get(path))["revocation"]["detail"]:
            break
        await asyncio.sleep(0.05)
    assert said in shown["revocation"]["detail"]
    assert shown["revocation"]["state"] == "requested"
    assert shown["status"] == "valid"


async def test_f21_a_certificate_revoked_at_the_ca_by_hand_counts_as_done(
    enrolling: Enrolling, simulator: Simulator
) -> None:
    certificate = await enrolling.issued(WWW)
    simulator.fault(
        "RevokeCertificate",
        "error",
        code="RequestAlreadyProcessedException",
        status=400,
        message="The certificate has been revoked already.",
    )
    path = f"/certificates/{certificate['id']}"
    await enrolling.api.post(f"{path}/revoke", {"reason": "unspecified"}, 202)
    assert (await enrolling.until(path, "revocation.state", "done"))["status"] == "revoked"


async def test_a_reason_the_ca_does_not_know_is_refused(enrolling: Enrolling) -> None:
    certificate = await enrolling.issued(WWW)
    body = {"reason": "certificate_hold"}
    problem = await enrolling.api.post(f"/certificates/{certificate['id']}/revoke", body, 422)
    assert faults_of(problem) == {("/reason", "reason-not-supported")}


async def test_t20_a_compromised_key_is_never_certified_again(
    enrolling: Enrolling, estate: Estate
) -> None:
    key = new_key()
    certificate = await enrolling.issued(csr=csr_for(WWW, key=key))
    body = {"reason": "key_compromise"}
    path = f"/certificates/{certificate['id']}"
    assert (await enrolling.api.get(path))["key_blocked"] is False
    assert (await enrolling.api.post(f"{path}/revoke", body, 202))["key_blocked"] is True
    events = await enrolling.api.everything(f"/audit-events?subject_id={certificate['id']}")
    assert "certificate.key_blocked" in {event["action"] for event in events}
    elsewhere = Enrolling(estate.api, await estate.chain())
    again = elsewhere.body(csr=csr_for("other.example.com", key=key))
    problem = await estate.api.post("/enrollments", again, 422)
    assert faults_of(problem) == {("/csr", "key-blocked")}


async def test_t51_a_profile_switched_off_after_acceptance_orders_nothing(
    estate: Estate, simulator: Simulator
) -> None:
    unreachable = await estate.ca_backend(url=NOWHERE)
    organization = await estate.organization("*.example.com")
    profile = await estate.profile(unreachable["id"], organization_ids=[organization["id"]])
    body = {
        "organization_id": organization["id"],
        "certificate_profile_id": profile["id"],
        "csr": csr_for(WWW),
    }
    waiting = await estate.api.post("/enrollments", body, 202)
    path = f"/enrollments/{waiting['id']}"
    enrolling = Enrolling(estate.api, await estate.chain())
    await enrolling.until(path, "reason_code", "ca-unavailable")
    await estate.api.patch(f"/certificate-profiles/{profile['id']}", {"enabled": False})
    local = f"/connectors/{unreachable['connector_id']}/local-ca-backends/"
    reachable = estate.connection()
    await estate.api.patch(local + unreachable["local_ca_backend_id"], reachable)
    await estate.api.post(f"/ca-backends/{unreachable['id']}/check", status=200)
    parked = await enrolling.until(path, "state", "parked")
    assert parked["reason_code"] == "profile-disabled"
    assert simulator.ledger("order") == []
