"""CertCentral from assignment to revocation, through the REST API and a running worker."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from cryptography import x509
from sqlalchemy import func, update

from api_client import code_of, faults_of
from csrs import csr_for
from digicert_estate import VALIDATED, CertCentral, assign, connection, digicert_chain
from estate import Estate, Json
from loop_thread import LoopThread
from scm_api.db.jobs import Job, enqueue
from scm_api.db.models import Enrollment
from scm_api.db.session import Database
from scm_api.drivers.pool import DriverPool
from scm_api.gateway.connections import Gateway
from scm_api.sandbox import digicert
from scm_api.secret_keys import load_key_ring
from scm_api.settings import Settings
from scm_api.worker.external_organizations import refresh_assignments
from settlement import Enrolling

WWW = "www.example.com"
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CertCentral]:
    settings = digicert.Settings(tmp_path_factory.mktemp("digicert") / "state")
    with LoopThread() as loop:
        server = loop.run(digicert.serve(settings))
        yield CertCentral(server.url)
        loop.run(server.aclose())


@pytest.fixture
def certcentral(_running: CertCentral) -> CertCentral:
    _running.control("POST", "/reset")
    return _running


@pytest.fixture
async def enrolling(estate: Estate, certcentral: CertCentral) -> Enrolling:
    return Enrolling(estate.api, await digicert_chain(estate, certcentral))


@pytest.fixture
async def gateway(database: Database, settings: Settings) -> AsyncIterator[Gateway]:
    drivers = DriverPool()
    yield Gateway(database, load_key_ring(settings), drivers)
    await drivers.aclose()


async def look_again(database: Database, enrollment: Json) -> None:
    """Let the next look be due now."""
    one = update(Enrollment).where(Enrollment.id == UUID(enrollment["id"]))
    async with database.transaction() as session:
        await session.execute(one.values(due_at=func.now()))
        await enqueue(session, Job.ADVANCE_ENROLLMENT, UUID(enrollment["id"]))


async def test_what_is_validated_is_issued_at_once(
    enrolling: Enrolling, certcentral: CertCentral
) -> None:
    certificate = await enrolling.issued(WWW)
    [order] = certcentral.ledger("order")
    assert certificate["ca_ref"] == str(order["order_id"])
    assert certificate["quarantined"] is None
    assert certificate["chain_complete"] is True
    enrollment = await enrolling.api.get(f"/enrollments/{certificate['enrollment_id']}")
    assert enrollment["external_organization_id"] == VALIDATED
    pem = (await enrolling.api.send("GET", f"/certificates/{certificate['id']}/content")).content
    leaf = x509.load_pem_x509_certificates(pem)[0]
    assert "Umbra Works Ltd" in leaf.subject.rfc4514_string()


async def test_the_whole_story_of_a_domain_that_is_not_proven_yet(
    enrolling: Enrolling, certcentral: CertCentral, database: Database
) -> None:
    certcentral.unprove("example.com")
    made = await enrolling.enroll(WWW)
    path = f"/enrollments/{made['id']}"
    waiting = await enrolling.until(path, "state", "pending_ca")
    assert "example.com" in waiting["waits_for"]
    assert "token" in waiting["waits_for"]
    assert waiting["ca_ref"]
    assert waiting["next_step_at"]
    certcentral.prove("example.com")
    await look_again(database, made)
    issued = await enrolling.until(path, "state", "issued")
    first = f"/certificates/{issued['certificate_id']}"
    renewal = await enrolling.api.post(f"{first}/renew", {"csr": csr_for(WWW)}, 202)
    renewed = await enrolling.settled(renewal["enrollment_id"])
    assert renewed["state"] == "issued"
    body = {"csr": csr_for(WWW), "reason": "superseded"}
    second = f"/certificates/{renewed['certificate_id']}"
    replacement = await enrolling.api.post(f"{second}/replace", body, 202)
    replaced = await enrolling.settled(replacement["enrollment_id"])
    assert replaced["state"] == "issued"
    await enrolling.until(second, "revocation.state", "done")
    await enrolling.api.post(f"{first}/revoke", {"reason": "cessation_of_operation"}, 202)
    await enrolling.until(first, "revocation.state", "done")
    reasons = [each["reason"] for each in certcentral.ledger("revocation")]
    assert reasons == ["superseded", "cessationOfOperation"]


async def test_without_an_assignment_nothing_is_ordered(
    estate: Estate, certcentral: CertCentral
) -> None:
    enrolling = Enrolling(estate.api, await digicert_chain(estate, certcentral, assigned=None))
    problem = await enrolling.api.post("/enrollments", enrolling.body(WWW), 422)
    assert faults_of(problem) == {("/organization_id", "external-assignment-missing")}
    assert certcentral.calls("place_order") == []


async def test_a_department_uses_the_assignment_of_its_organization(
    estate: Estate, certcentral: CertCentral
) -> None:
    chain = await digicert_chain(estate, certcentral)
    under = f"/organizations/{chain.organization['id']}/departments"
    department = await estate.api.post(under, {"name": estate.name("department")})
    await estate.api.post(f"/organizations/{department['id']}/domains", {"name": WWW})
    path = f"/certificate-profiles/{chain.profile['id']}"
    both = [chain.organization["id"], department["id"]]
    await estate.api.patch(path, {"organization_ids": both})
    enrolling = Enrolling(estate.api, replace(chain, organization=department))
    certificate = await enrolling.issued(WWW)
    enrollment = await estate.api.get(f"/enrollments/{certificate['enrollment_id']}")
    assert enrollment["external_organization_id"] == VALIDATED


@pytest.mark.parametrize(
    ("organization_id", "words"),
    [
        (digicert.PENDING_ORGANIZATION, "ov is pending"),
        (digicert.EXPIRED_ORGANIZATION, "ov is expired"),
        (digicert.INACTIVE_ORGANIZATION, "inactive"),
    ],
)
async def test_what_is_not_validated_is_not_assigned(
    estate: Estate, certcentral: CertCentral, organization_id: int, words: str
) -> None:
    chain = await digicert_chain(estate, certcentral, assigned=None)
    problem = await assign(estate.api, chain, str(organization_id), 409)
    assert code_of(problem) == "external-organization-not-validated"
    assert words in problem["detail"]


async def test_an_ev_product_takes_an_ev_validation(
    estate: Estate, certcentral: CertCentral
) -> None:
    path = f"/organizations/{VALIDATED}"
    certcentral.control("PATCH", path, {"validations": {"ov": "active", "ev": "expired"}})
    options = {"backend_type": "digicert", "product": "ssl_ev_basic"}
    enrolling = Enrolling(estate.api, await digicert_chain(estate, certcentral, options=options))
    said = await enrolling.api.post("/enrollments", enrolling.body(WWW), 422)
    [fault] = said["errors"]
    assert code_of(fault) == "external-organization-not-validated"
    assert "a validation of type ev" in fault["detail"]
    assert certcentral.calls("place_order") == []


async def test_an_assignment_is_made_once_and_to_what_is_there(
    estate: Estate, certcentral: CertCentral
) -> None:
    chain = await digicert_chain(estate, certcentral)
    assert code_of(await assign(estate.api, chain, VALIDATED, 409)) == "assignment-exists"
    other = await digicert_chain(estate, certcentral, assigned=None)
    problem = await assign(estate.api, other, "12345", 422)
    assert faults_of(problem) == {("/external_organization_id", "reference-not-found")}


async def test_an_assignment_in_use_says_by_what(
    enrolling: Enrolling, certcentral: CertCentral
) -> None:
    certcentral.unprove("example.com")
    made = await enrolling.enroll(WWW)
    await enrolling.until(f"/enrollments/{made['id']}", "state", "pending_ca")
    path = f"/organizations/{enrolling.chain.organization['id']}/external-assignments"
    [assignment] = await enrolling.api.everything(path)
    problem = await enrolling.api.delete(f"{path}/{assignment['id']}", 409)
    assert [use["id"] for use in problem["used_by"]] == [made["id"]]
    await enrolling.api.post(f"/enrollments/{made['id']}/cancel", {"comment": "typo"}, 202)
    await enrolling.until(f"/enrollments/{made['id']}", "state", "canceled")
    assert len(certcentral.ledger("cancellation")) == 1
    await enrolling.api.delete(f"{path}/{assignment['id']}")


async def test_f02_a_lost_answer_is_found_again_by_our_own_id(
    enrolling: Enrolling, certcentral: CertCentral
) -> None:
    certcentral.fault("place_order", "reset", when="after")
    certificate = await enrolling.issued(WWW)
    assert len(certcentral.ledger("order")) == len(certcentral.ledger("certificate")) == 1
    assert certificate["quarantined"] is None


async def test_f09_a_certificate_for_another_key_is_never_served(
    enrolling: Enrolling, certcentral: CertCentral
) -> None:
    certcentral.fault("place_order", "other_key", when="after")
    made = await enrolling.enroll(WWW)
    parked = await enrolling.until(f"/enrollments/{made['id']}", "state", "parked")
    assert parked["reason_code"] == "certificate-quarantined"


@pytest.mark.parametrize("action", ["html", "truncate"])
async def test_an_answer_that_is_no_json_is_looked_up(
    enrolling: Enrolling, certcentral: CertCentral, action: str
) -> None:
    certcentral.fault("place_order", action, when="after", status=502)
    await enrolling.issued(WWW)
    assert len(certcentral.ledger("order")) == 1


async def test_the_chain_may_come_the_wrong_way_round(
    enrolling: Enrolling, certcentral: CertCentral
) -> None:
    certcentral.fault("place_order", "chain_reversed", when="after")
    certificate = await enrolling.issued(WWW)
    assert certificate["quarantined"] is None
    assert certificate["chain_complete"] is True


@pytest.mark.parametrize("product", ["ssl_of_nobody", "ssl_plus"], ids=["unknown", "not enabled"])
async def test_a_product_the_account_does_not_have_is_said_in_digicerts_words(
    estate: Estate, certcentral: CertCentral, product: str
) -> None:
    options = {"backend_type": "digicert", "product": product}
    enrolling = Enrolling(estate.api, await digicert_chain(estate, certcentral, options=options))
    made = await enrolling.enroll(WWW)
    ended = await enrolling.settled(made["id"])
    assert ended["state"] == "rejected"
    assert "product" in ended["reason"]


async def replaced(enrolling: Enrolling, certificate: Json, reason: str) -> Json:
    """The successor of a certificate that was replaced, once the old one is revoked."""
    path = f"/certificates/{certificate['id']}"
    body = {"csr": csr_for(WWW), "reason": reason}
    accepted = await enrolling.api.post(f"{path}/replace", body, 202)
    ended = await enrolling.settled(accepted["enrollment_id"])
    assert ended["state"] == "issued", ended["reason"]
    await enrolling.until(path, "revocation.state", "done")
    successor: Json = await enrolling.api.get(f"/certificates/{ended['certificate_id']}")
    assert successor["quarantined"] is None
    return successor


async def test_a_replacement_is_a_reissue_of_the_same_order(
    enrolling: Enrolling, certcentral: CertCentral
) -> None:
    first = await enrolling.issued(WWW)
    second = await replaced(enrolling, first, "key_compromise")
    third = await replaced(enrolling, second, "superseded")
    assert len(certcentral.ledger("order")) == 1
    assert len(certcentral.ledger("reissue")) == 2
    reasons = [each["reason"] for each in certcentral.ledger("revocation")]
    assert reasons == ["keyCompromise", "superseded"]
    assert {each["ca_ref"].partition("/")[0] for each in (second, third)} == {first["ca_ref"]}
    assert second["ca_ref"] != third["ca_ref"]


async def test_f02_a_lost_answer_to_a_reissue_is_found_again(
    enrolling: Enrolling, certcentral: CertCentral
) -> None:
    first = await enrolling.issued(WWW)
    certcentral.fault("reissue", "reset", when="after")
    await replaced(enrolling, first, "superseded")
    assert len(certcentral.ledger("reissue")) == 1
    assert len(certcentral.ledger("order")) == 1


@pytest.mark.parametrize(("decision", "state"), [("approved", "issued"), ("rejected", "rejected")])
async def test_a_reissue_waits_for_an_administrator_of_certcentral(
    estate: Estate, certcentral: CertCentral, database: Database, decision: str, state: str
) -> None:
    certcentral.behave(needs_approval=False)
    chain = await digicert_chain(estate, certcentral, key=digicert.STANDARD_KEY)
    enrolling = Enrolling(estate.api, chain)
    certificate = await enrolling.issued(WWW)
    certcentral.behave(needs_approval=True)
    body = {"csr": csr_for(WWW), "reason": "superseded"}
    path = f"/certificates/{certificate['id']}/replace"
    accepted = await enrolling.api.post(path, body, 202)
    waiting = f"/enrollments/{accepted['enrollment_id']}"
    await enrolling.until(waiting, "state", "pending_ca")
    await look_again(database, {"id": accepted["enrollment_id"]})
    [request] = [each for each in certcentral.requests() if each["type"] == "reissue"]
    certcentral.decide(request, decision)
    await look_again(database, {"id": accepted["enrollment_id"]})
    await enrolling.until(waiting, "state", state)
    assert len(certcentral.ledger("reissue")) == 1


async def test_a_replacement_through_another_product_is_an_order(
    enrolling: Enrolling, certcentral: CertCentral
) -> None:
    first = await enrolling.issued(WWW)
    path = f"/certificate-profiles/{enrolling.chain.profile['id']}"
    options = {"backend_type": "digicert", "product": "ssl_securesite_flex"}
    await enrolling.api.patch(path, {"options": options})
    await replaced(enrolling, first, "superseded")
    assert certcentral.ledger("reissue") == []
    assert len(certcentral.ledger("order")) == 2


async def test_a_life_that_was_cut_is_said_on_the_enrollment(
    estate: Estate, certcentral: CertCentral
) -> None:
    certcentral.behave(cap_days=100)
    chain = await digicert_chain(estate, certcentral)
    enrolling = Enrolling(estate.api, chain)
    certificate = await enrolling.issued(WWW, term_days=199)
    shown = await enrolling.api.get(f"/enrollments/{certificate['enrollment_id']}")
    assert (shown["term"]["asked_days"], shown["term"]["granted_days"]) == (199, 100)
    assert shown["term"]["difference"]


async def test_what_an_enrollment_says_to_the_ca_goes_before_its_profile(
    estate: Estate, certcentral: CertCentral
) -> None:
    certcentral.behave(needs_approval=False)
    options = {
        "backend_type": "digicert",
        "product": "ssl_basic",
        "server_platform": 2,
        "custom_fields": [{"metadata_id": 1, "value": "any"}, {"metadata_id": 2, "value": "4711"}],
        "additional_emails": ["pki@example.com"],
    }
    enrolling = Enrolling(estate.api, await digicert_chain(estate, certcentral, options=options))
    own = {
        "backend_type": "digicert",
        "server_platform": 45,
        "custom_fields": [{"metadata_id": 1, "value": "shop"}],
        "additional_emails": ["web@example.com"],
    }
    certificate = await enrolling.issued(WWW, order_options=own)
    said = certcentral.call("GET", f"/order/certificate/{certificate['ca_ref']}")
    assert said["certificate"]["server_platform"] == {"id": 45}
    fields = {each["metadata_id"]: each["value"] for each in said["custom_fields"]}
    assert fields == {1: "shop", 2: "4711"}
    [order] = certcentral.ledger("order")
    assert order["additional_emails"] == ["pki@example.com", "web@example.com"]


async def test_order_options_of_another_type_are_refused(enrolling: Enrolling) -> None:
    body = enrolling.body(WWW, order_options={"backend_type": "entrust"})
    said = await enrolling.api.post("/enrollments", body, 422)
    assert faults_of(said) == {("/order_options", "order-options-not-supported")}


async def test_a_ca_that_does_not_judge_is_not_asked(
    enrolling: Enrolling, certcentral: CertCentral
) -> None:
    path = "/enrollments/validate?ask_ca=true"
    said = await enrolling.api.post(path, enrolling.body(WWW), 200)
    assert (said["valid"], said["ca_asked"]) == (True, False)


async def test_f41_a_revoked_key_holds_enrollments_until_it_is_replaced(
    enrolling: Enrolling, certcentral: CertCentral
) -> None:
    certcentral.control("POST", "/keys", {"key": digicert.ADMIN_KEY, "revoked": True})
    made = await enrolling.enroll(WWW)
    path = f"/enrollments/{made['id']}"
    held = await enrolling.until(path, "reason_code", "backend-refused")
    assert "access_denied" in held["reason"]
    certcentral.behave(needs_approval=False)
    chain = enrolling.chain
    local = f"/connectors/{chain.connector['id']}/local-ca-backends/{chain.local_ca_backend['id']}"
    secrets = connection(certcentral, digicert.STANDARD_KEY)["secrets"]
    await enrolling.api.patch(local, {"secrets": secrets})
    await enrolling.until(path, "state", "issued")
    assert len(certcentral.ledger("order")) == 1


async def test_an_answer_that_drips_is_given_up_and_looked_up(
    enrolling: Enrolling, certcentral: CertCentral
) -> None:
    """A byte every half second: the call ends at its deadline, and the order is found."""
    certcentral.fault("place_order", "drip", seconds=0.5)
    made = await enrolling.enroll(WWW)
    path = f"/enrollments/{made['id']}"
    await enrolling.until(path, "reason_code", "outcome-unknown")
    await enrolling.until(path, "state", "issued")
    assert len(certcentral.ledger("order")) == 1


async def waiting_for_an_administrator(
    estate: Estate, certcentral: CertCentral
) -> tuple[Enrolling, str]:
    """A certificate whose revocation was asked for with a standard user's key."""
    certcentral.behave(needs_approval=False)
    chain = await digicert_chain(estate, certcentral, key=digicert.STANDARD_KEY)
    enrolling = Enrolling(estate.api, chain)
    certificate = await enrolling.issued(WWW)
    certcentral.behave(needs_approval=True)
    path = f"/certificates/{certificate['id']}"
    await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    waiting = await enrolling.until(path, "revocation.state", "pending_ca")
    assert "administrator" in waiting["revocation"]["detail"]
    assert certcentral.ledger("revocation") == []
    return enrolling, path


async def look_at_revocation(path: str, database: Database) -> None:
    """Let the worker look at a revocation that is pending at the CA."""
    async with database.transaction() as session:
        await enqueue(session, Job.REVOKE_CERTIFICATE, UUID(path.rpartition("/")[2]))


@pytest.mark.parametrize(("decision", "state"), [("approved", "done"), ("rejected", "refused")])
async def test_what_an_administrator_of_certcentral_decides_is_what_counts(
    estate: Estate, certcentral: CertCentral, database: Database, decision: str, state: str
) -> None:
    enrolling, path = await waiting_for_an_administrator(estate, certcentral)
    await look_at_revocation(path, database)
    [request] = [each for each in certcentral.requests() if each["type"] == "revoke"]
    certcentral.decide(request, decision)
    await look_at_revocation(path, database)
    await enrolling.until(path, "revocation.state", state)
    asked = [each for each in certcentral.requests() if each["type"] == "revoke"]
    assert len(asked) == 1
    assert len(certcentral.ledger("revocation")) == (1 if decision == "approved" else 0)


async def test_many_pending_orders_are_followed_with_few_calls(
    enrolling: Enrolling, certcentral: CertCentral, database: Database
) -> None:
    certcentral.unprove("example.com")
    made = [await enrolling.enroll(f"host{number}.example.com") for number in range(20)]
    for each in made:
        await enrolling.until(f"/enrollments/{each['id']}", "state", "pending_ca")
    await asyncio.gather(*(look_again(database, each) for each in made))
    await asyncio.sleep(3)
    assert len(certcentral.calls("status_changes")) == 1
    assert certcentral.calls("get_order") == []
    assert certcentral.calls("get_chain") == []


async def test_a_validation_that_ends_is_seen(
    estate: Estate, certcentral: CertCentral, database: Database, gateway: Gateway
) -> None:
    chain = await digicert_chain(estate, certcentral)
    certcentral.validate(VALIDATED, "expired")
    assert await refresh_assignments(database, gateway, timedelta(0)) == 1
    path = f"/organizations/{chain.organization['id']}/external-assignments"
    [assignment] = await estate.api.everything(path)
    assert (assignment["usable"], assignment["validations"][0]["status"]) == (False, "expired")
    enrolling = Enrolling(estate.api, chain)
    problem = await enrolling.api.post("/enrollments", enrolling.body(WWW), 422)
    assert faults_of(problem) == {("/organization_id", "external-organization-not-validated")}


async def test_the_products_of_the_account_are_listed(
    estate: Estate, certcentral: CertCentral
) -> None:
    chain = await digicert_chain(estate, certcentral, assigned=None)
    path = f"/ca-backends/{chain.ca_backend['id']}/products"
    products = {each["id"]: each for each in (await estate.api.get(path))["items"]}
    assert products["ssl_basic"]["terms_years"] == [1]
    assert products["private_ssl_flex"]["terms_years"] == [1, 2, 3]


async def test_the_list_of_the_account_can_be_searched(
    estate: Estate, certcentral: CertCentral
) -> None:
    chain = await digicert_chain(estate, certcentral, assigned=None)
    path = f"/ca-backends/{chain.ca_backend['id']}/external-organizations"
    everything = await estate.api.get(path)
    assert len(everything["items"]) == 4
    first = await estate.api.get(f"{path}?limit=3")
    rest = await estate.api.get(f"{path}?limit=3&after={first['next_after']}")
    assert [*first["items"], *rest["items"]] == everything["items"]
    assert (len(first["items"]), rest["next_after"]) == (3, None)
    found = await estate.api.get(f"{path}?search=umbra w")
    assert [each["id"] for each in found["items"]] == [VALIDATED]
