"""Entrust from assignment to revocation, through the REST API and a running worker."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest
from cryptography import x509
from sqlalchemy import func, update

from api_client import code_of, faults_of
from csrs import csr_for
from digicert_estate import assign
from entrust_estate import (
    VALIDATED,
    Entrust,
    connection,
    entrust_chain,
    gateway_connection,
)
from estate import Estate, Json
from loop_thread import LoopThread
from scm_api.db.jobs import Job, enqueue
from scm_api.db.models import Enrollment
from scm_api.db.session import Database
from scm_api.sandbox import entrust
from settlement import Enrolling

WWW = "www.example.com"
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entrust]:
    settings = entrust.Settings(tmp_path_factory.mktemp("entrust") / "state")
    with LoopThread() as loop:
        server = loop.run(entrust.serve(settings))
        yield Entrust(server)
        loop.run(server.aclose())


@pytest.fixture
def ca(_running: Entrust) -> Entrust:
    _running.control("POST", "/reset")
    return _running


@pytest.fixture
async def enrolling(estate: Estate, ca: Entrust) -> Enrolling:
    return Enrolling(estate.api, await entrust_chain(estate, ca))


async def look_again(database: Database, enrollment: Json) -> None:
    """Let the next look be due now."""
    one = update(Enrollment).where(Enrollment.id == UUID(enrollment["id"]))
    async with database.transaction() as session:
        await session.execute(one.values(due_at=func.now()))
        await enqueue(session, Job.ADVANCE_ENROLLMENT, UUID(enrollment["id"]))


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


async def test_a_replacement_is_a_reissue_which_revokes_the_old_one(
    enrolling: Enrolling, ca: Entrust
) -> None:
    first = await enrolling.issued(WWW)
    path = f"/certificates/{first['id']}"
    body = {"csr": csr_for(WWW), "reason": "superseded"}
    accepted = await enrolling.api.post(f"{path}/replace", body, 202)
    ended = await enrolling.settled(accepted["enrollment_id"])
    assert ended["state"] == "issued", ended["reason"]
    await enrolling.until(path, "revocation.state", "done")
    assert [each["follows"] for each in ca.ledger("order")] == [
        None,
        ["reissue", int(first["ca_ref"])],
    ]
    assert len(ca.ledger("revocation")) == 1
    assert ca.calls("revoke") == []  # Entrust did it by itself


async def test_without_an_assignment_nothing_is_ordered(estate: Estate, ca: Entrust) -> None:
    enrolling = Enrolling(estate.api, await entrust_chain(estate, ca, assigned=None))
    problem = await enrolling.api.post("/enrollments", enrolling.body(WWW), 422)
    assert faults_of(problem) == {("/organization_id", "external-assignment-missing")}
    assert ca.calls("enroll") == []


@pytest.mark.parametrize(
    ("external", "words"),
    [
        (f"4/{entrust.PENDING_ORGANIZATION}", "ov is initial verification"),
        (f"5/{entrust.EXPIRED_ORGANIZATION}", "ov is expired"),
    ],
)
async def test_what_is_not_validated_is_not_assigned(
    estate: Estate, ca: Entrust, external: str, words: str
) -> None:
    chain = await entrust_chain(estate, ca, assigned=None)
    problem = await assign(estate.api, chain, external, 409)
    assert code_of(problem) == "external-organization-not-validated"
    assert words in problem["detail"]


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


OWN = {
    "backend_type": "entrust",
    "requester": {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+35315550101"},
    "custom_fields": [{"name": "text1", "value": "shop"}],
    "additional_emails": ["web@example.com"],
}


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


async def test_ca_gateway_has_no_place_for_what_an_enrollment_says(
    estate: Estate, ca: Entrust
) -> None:
    gateway = {"ca_id": "umbra~ca1", "profile_id": "privatessl-tls-server"}
    options = {"backend_type": "entrust", "ca_gateway": gateway}
    reaching = gateway_connection(ca)
    chain = await entrust_chain(estate, ca, assigned=None, reaching=reaching, options=options)
    enrolling = Enrolling(estate.api, chain)
    said = await enrolling.api.post("/enrollments", enrolling.body(WWW, order_options=OWN), 422)
    assert faults_of(said) == {("/order_options", "order-options-not-supported")}


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


async def test_a_certificate_is_given_back_to_the_inventory(
    enrolling: Enrolling, ca: Entrust
) -> None:
    certificate = await enrolling.issued(WWW)
    path = f"/certificates/{certificate['id']}"
    ca.fault("deactivate", "close", when="after")
    lost = await enrolling.api.post(f"{path}/deactivate", None, 503)
    assert code_of(lost) == "ca-unavailable"
    said = await enrolling.api.post(f"{path}/deactivate", None, 200)
    assert (said["status"], bool(said["deactivated_at"])) == ("valid", True)
    assert await enrolling.api.post(f"{path}/deactivate", None, 200) == said
    assert len(ca.ledger("deactivation")) == 1
    events = await enrolling.api.everything("/audit-events")
    about = [each["action"] for each in events if each["subject_id"] == certificate["id"]]
    assert about.count("certificate.deactivated") == 1


async def test_what_the_ca_does_not_take_back_is_said_in_its_words(
    enrolling: Enrolling, ca: Entrust
) -> None:
    certificate = await enrolling.issued(WWW)
    ca.suspend(certificate["ca_ref"])
    path = f"/certificates/{certificate['id']}"
    said = await enrolling.api.post(f"{path}/deactivate", None, 409)
    assert code_of(said) == "deactivation-refused"
    assert "SUSPENDED cannot be deactivated" in said["detail"]
    assert (await enrolling.api.get(path))["deactivated_at"] is None


async def test_what_is_revoked_is_not_given_back(enrolling: Enrolling, ca: Entrust) -> None:
    certificate = await enrolling.issued(WWW)
    path = f"/certificates/{certificate['id']}"
    await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    said = await enrolling.api.post(f"{path}/deactivate", None, 409)
    assert code_of(said) == "wrong-state"
    assert ca.ledger("deactivation") == []


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


async def test_a_profile_shows_the_validations_it_depends_on(
    enrolling: Enrolling, ca: Entrust, estate: Estate
) -> None:
    chain, api = enrolling.chain, enrolling.api
    path = f"/certificate-profiles/{chain.profile['id']}"
    other = await estate.organization("example.org")
    both = [chain.organization["id"], other["id"]]
    await api.patch(path, {"organization_ids": both})
    shown = (await api.get(path))["external_validations"]
    assert [each["organization_id"] for each in shown] == sorted(both)
    by_id = {each["organization_id"]: each for each in shown}
    first, second = (by_id[each] for each in both)
    assert (first["external_organization_id"], first["usable"]) == (VALIDATED, True)
    assert ("ov", "active") in [(each["type"], each["status"]) for each in first["validations"]]
    assert (second["external_assignment_id"], second["usable"]) == (None, False)


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


async def test_ca_gateway_issues_without_an_organization_and_revokes(
    estate: Estate, ca: Entrust
) -> None:
    gateway = {"ca_id": entrust.CA_ID, "profile_id": "privatessl-tls-server"}
    options = {"backend_type": "entrust", "ca_gateway": gateway}
    chain = await entrust_chain(
        estate, ca, assigned=None, reaching=gateway_connection(ca), options=options
    )
    enrolling = Enrolling(estate.api, chain)
    certificate = await enrolling.issued(WWW)
    assert (certificate["quarantined"], certificate["chain_complete"]) == (None, True)
    path = f"/certificates/{certificate['id']}"
    await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    await enrolling.until(path, "revocation.state", "done")
    assert [each["serial_number"] for each in ca.ledger("revocation")] == [certificate["ca_ref"]]


async def test_f02_a_lost_answer_of_ca_gateway_is_found_among_its_events(
    estate: Estate, ca: Entrust
) -> None:
    gateway = {"ca_id": entrust.CA_ID, "profile_id": "privatessl-tls-server"}
    options = {"backend_type": "entrust", "ca_gateway": gateway}
    chain = await entrust_chain(
        estate, ca, assigned=None, reaching=gateway_connection(ca), options=options
    )
    ca.fault("enroll", "reset", when="after")
    certificate = await Enrolling(estate.api, chain).issued(WWW)
    assert certificate["quarantined"] is None
    assert len(ca.ledger("certificate")) == 1


async def test_the_organizations_of_the_account_are_keyed_by_client_and_name(
    estate: Estate, ca: Entrust
) -> None:
    chain = await entrust_chain(estate, ca, assigned=None)
    path = f"/ca-backends/{chain.ca_backend['id']}/external-organizations"
    found = {each["id"]: each for each in (await estate.api.get(path))["items"]}
    assert found[VALIDATED]["usable"] is True
    assert [each["type"] for each in found[VALIDATED]["validations"]] == ["ov", "ev"]
    assert found[f"4/{entrust.PENDING_ORGANIZATION}"]["usable"] is False


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"options": {"requester": None}}, "/options/requester", "requester-missing"),
        ({"secrets": {"api_key": None}}, "/secrets/api_key", "missing-credentials"),
        (
            {"secrets": {"client_certificate": "nonsense", "client_key": "nonsense"}},
            "/secrets/client_certificate",
            "unusable-credential",
        ),
        ({"options": {"api": "ca_gateway"}}, "/secrets/client_key", "missing-credentials"),
        ({"options": {"trusted_certificates": "x"}}, "/options/trusted_certificates", ""),
    ],
)
async def test_what_does_not_belong_together_is_refused(
    estate: Estate, ca: Entrust, change: dict[str, Json], pointer: str, code: str
) -> None:
    connector = await estate.connector()
    body = {"name": estate.name("local")} | connection(ca)
    for member, values in change.items():
        body[member] = body[member] | values
    path = f"/connectors/{connector['id']}/local-ca-backends"
    problem = await estate.api.post(path, body, 422)
    faults = faults_of(problem)
    assert pointer in {each for each, _ in faults}
    assert not code or (pointer, code) in faults


async def test_a_profile_for_the_other_api_is_refused(estate: Estate, ca: Entrust) -> None:
    chain = await entrust_chain(estate, ca, assigned=None)
    gateway = {"ca_id": entrust.CA_ID, "profile_id": "privatessl-tls-server"}
    body = estate.profile_body(
        chain.ca_backend["id"], options={"backend_type": "entrust", "ca_gateway": gateway}
    )
    problem = await estate.api.post("/certificate-profiles", body, 422)
    assert faults_of(problem) == {("/options/ca_gateway", "wrong-api")}
