"""Entrust from an order to its certificate, through the REST API and a running worker."""

import asyncio

import pytest
from cryptography import x509
from looking import look_again

from api_client import code_of
from csrs import csr_for
from entrust_estate import OWN, VALIDATED, Entrust, connection, entrust_chain
from estate import Estate, Json
from scm_api.db.session import Database
from scm_api.sandbox import entrust
from settlement import Enrolling

WWW = "www.example.com"
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def ca(entrust_ca: Entrust) -> Entrust:
    return entrust_ca


@pytest.fixture
async def enrolling(estate: Estate, ca: Entrust) -> Enrolling:
    return Enrolling(estate.api, await entrust_chain(estate, ca))


async def leaf_of(enrolling: Enrolling, certificate: Json) -> x509.Certificate:
    path = f"/certificates/{certificate['id']}/content"
    pem = (await enrolling.api.send("GET", path)).content
    return x509.load_pem_x509_certificates(pem)[0]


async def test_what_is_approved_is_issued_at_once(enrolling: Enrolling, ca: Entrust) -> None:
    certificate = await enrolling.issued(WWW)
    [order] = ca.ledger("order")
    assert certificate["ca_ref"] == str(order["tracking_id"])
    assert certificate["quarantined"] is None
    assert certificate["chain_complete"] is True
    enrollment = await enrolling.api.get(f"/enrollments/{certificate['enrollment_id']}")
    assert enrollment["external_organization_id"] == VALIDATED
    leaf = await leaf_of(enrolling, certificate)
    assert entrust.VALIDATED_ORGANIZATION in leaf.subject.rfc4514_string()
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert 88 <= life.days <= 90


async def test_the_whole_story_of_a_domain_that_is_not_proven_yet(
    enrolling: Enrolling, ca: Entrust, database: Database
) -> None:
    ca.domain("example.com", "INITIAL_VERIFICATION")
    made = await enrolling.enroll(WWW)
    path = f"/enrollments/{made['id']}"
    await enrolling.until(path, "state", "pending_ca")
    await look_again(database, made)
    for _ in range(100):
        waiting = await enrolling.api.get(path)
        if "_pki-validation.example.com" in (waiting["waits_for"] or ""):
            break
        await asyncio.sleep(0.1)
    assert "Proof of control over example.com" in waiting["waits_for"]
    assert waiting["ca_ref"]
    assert waiting["next_step_at"]
    ca.domain("example.com", "APPROVED")
    await look_again(database, made)
    issued = await enrolling.until(path, "state", "issued")
    first = f"/certificates/{issued['certificate_id']}"
    renewal = await enrolling.api.post(f"{first}/renew", {"csr": csr_for(WWW)}, 202)
    renewed = await enrolling.settled(renewal["enrollment_id"])
    assert renewed["state"] == "issued"
    body = {"csr": csr_for(WWW), "reason": "key_compromise"}
    second = f"/certificates/{renewed['certificate_id']}"
    replacement = await enrolling.api.post(f"{second}/replace", body, 202)
    assert (await enrolling.settled(replacement["enrollment_id"]))["state"] == "issued"
    await enrolling.until(second, "revocation.state", "done")
    await enrolling.api.post(f"{first}/revoke", {"reason": "cessation_of_operation"}, 202)
    await enrolling.until(first, "revocation.state", "done")
    reasons = [each["reason"] for each in ca.ledger("revocation")]
    assert reasons == ["keyCompromise", "cessationOfOperation"]


async def test_f02_a_lost_answer_is_found_again_by_its_tracking_information(
    enrolling: Enrolling, ca: Entrust
) -> None:
    ca.fault("enroll", "reset", when="after")
    certificate = await enrolling.issued(WWW)
    assert len(ca.ledger("order")) == len(ca.ledger("certificate")) == 1
    assert certificate["quarantined"] is None


@pytest.mark.parametrize("action", ["html", "truncate"])
async def test_an_answer_that_is_no_json_is_looked_up(
    enrolling: Enrolling, ca: Entrust, action: str
) -> None:
    ca.fault("enroll", action, when="after", status=502)
    await enrolling.issued(WWW)
    assert len(ca.ledger("order")) == 1


async def test_f09_a_certificate_for_another_key_is_never_served(
    enrolling: Enrolling, ca: Entrust
) -> None:
    ca.fault("enroll", "other_key", when="after")
    made = await enrolling.enroll(WWW)
    parked = await enrolling.until(f"/enrollments/{made['id']}", "state", "parked")
    assert parked["reason_code"] == "certificate-quarantined"


async def test_the_chain_may_come_the_wrong_way_round(enrolling: Enrolling, ca: Entrust) -> None:
    ca.fault("enroll", "chain_reversed", when="after")
    certificate = await enrolling.issued(WWW)
    assert (certificate["quarantined"], certificate["chain_complete"]) == (None, True)


async def test_a_refusal_is_said_in_entrusts_words(enrolling: Enrolling, ca: Entrust) -> None:
    ca.domain("example.com", "EXPIRED")
    made = await enrolling.enroll(WWW)
    ended = await enrolling.settled(made["id"])
    assert ended["state"] == "rejected"
    assert "The domain www.example.com is not approved for client 1" in ended["reason"]


async def test_a_product_that_was_not_bought_is_refused_in_entrusts_words(
    estate: Estate, ca: Entrust
) -> None:
    options = {"backend_type": "entrust", "ecs": {"cert_type": "QWAC_SSL"}}
    enrolling = Enrolling(estate.api, await entrust_chain(estate, ca, options=options))
    made = await enrolling.enroll(WWW)
    ended = await enrolling.settled(made["id"])
    assert ended["state"] == "rejected"
    assert "No inventory is available for QWAC_SSL" in ended["reason"]


async def test_what_an_enrollment_says_to_the_ca_goes_before_its_profile(
    estate: Estate, ca: Entrust
) -> None:
    product = {
        "cert_type": "ADVANTAGE_SSL",
        "custom_fields": [{"name": "text1", "value": "any"}, {"name": "text2", "value": "4711"}],
        "additional_emails": ["pki@example.com"],
    }
    chain = await entrust_chain(estate, ca, options={"backend_type": "entrust", "ecs": product})
    enrolling = Enrolling(estate.api, chain)
    first = await enrolling.issued(WWW, order_options=OWN)
    enrollment = await enrolling.api.get(f"/enrollments/{first['enrollment_id']}")
    assert enrollment["order_options"] == OWN
    body = {"csr": csr_for(WWW), "reason": "superseded"}
    path = f"/certificates/{first['id']}/replace"
    replacing = await enrolling.api.post(path, body, 202)
    second = await enrolling.settled(replacing["enrollment_id"])
    assert second["state"] == "issued", second["reason"]
    for ca_ref in (first["ca_ref"], second["ca_ref"]):
        said = ca.certificate(ca_ref)["tracking"]
        assert (said["requesterName"], said["requesterEmail"]) == (
            "Ada Lovelace",
            "ada@example.com",
        )
        assert said["customFields"] == {"text1": "shop", "text2": "4711"}
        assert said["additionalEmails"] == ["pki@example.com", "web@example.com"]


async def test_the_ca_judges_a_request_without_taking_it(enrolling: Enrolling, ca: Entrust) -> None:
    path, body = "/enrollments/validate", enrolling.body(WWW)
    said = await enrolling.api.post(path, body, 200)
    assert (said["valid"], said["ca_asked"], ca.calls("enroll")) == (True, False, [])
    said = await enrolling.api.post(f"{path}?ask_ca=true", body, 200)
    assert (said["valid"], said["ca_asked"]) == (True, True)
    ca.domain("example.com", "EXPIRED")
    said = await enrolling.api.post(f"{path}?ask_ca=true", body, 200)
    assert (said["valid"], said["ca_asked"]) == (False, True)
    [fault] = said["errors"]
    assert code_of(fault) == "ca-would-refuse"
    assert "The domain www.example.com is not approved for client 1" in fault["detail"]
    assert ca.ledger("order") == []


async def test_a_check_that_is_taken_for_an_order_is_said(
    enrolling: Enrolling, ca: Entrust
) -> None:
    ca.behave(knows_validate_only=False)
    said = await enrolling.api.post("/enrollments/validate?ask_ca=true", enrolling.body(WWW), 200)
    [order] = ca.ledger("order")
    [fault] = said["errors"]
    assert f"took the check for an order, {order['tracking_id']}" in fault["detail"]


async def test_a_ca_that_cannot_judge_now_is_said(enrolling: Enrolling, ca: Entrust) -> None:
    ca.fault("enroll", "close")
    path = "/enrollments/validate?ask_ca=true"
    said = await enrolling.api.post(path, enrolling.body(WWW), 503)
    assert code_of(said) == "ca-unavailable"


async def test_f41_a_revoked_key_holds_enrollments_until_it_is_replaced(
    enrolling: Enrolling, ca: Entrust
) -> None:
    ca.control("POST", "/users", {"user": entrust.API_USER.name, "revoked": True})
    made = await enrolling.enroll(WWW)
    path = f"/enrollments/{made['id']}"
    await enrolling.until(path, "reason_code", "backend-refused")
    assert (await enrolling.api.get(path))["state"] in ("approved", "submitting")
    chain = enrolling.chain
    local = f"/connectors/{chain.connector['id']}/local-ca-backends/{chain.local_ca_backend['id']}"
    user = entrust.CERTIFICATE_USER
    secrets = connection(ca, user)["secrets"] | ca.credential(user.name)
    await enrolling.api.patch(local, {"secrets": secrets})
    issued = await enrolling.until(path, "state", "issued")
    assert issued["certificate_id"]
    assert {each["user"] for each in ca.calls("enroll")} == {None, user.name}
    assert len(ca.ledger("order")) == 1


async def test_a_request_that_is_queued_is_canceled_at_the_ca(estate: Estate, ca: Entrust) -> None:
    reaching = connection(ca, entrust.QUEUED_USER)
    enrolling = Enrolling(estate.api, await entrust_chain(estate, ca, reaching=reaching))
    made = await enrolling.enroll(WWW)
    path = f"/enrollments/{made['id']}"
    await enrolling.until(path, "state", "pending_ca")
    await enrolling.api.post(f"{path}/cancel", {"comment": "typo"}, 202)
    await enrolling.until(path, "state", "canceled")
    assert len(ca.ledger("cancellation")) == 1
