"""CertCentral from an order to its certificate, through the REST API and a running worker."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from looking import look_again

from api_client import faults_of
from csrs import csr_for
from digicert_estate import VALIDATED, CertCentral, connection, digicert_chain
from estate import Estate
from scm_api.db.session import Database
from scm_api.sandbox import digicert
from settlement import Enrolling

WWW = "www.example.com"
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
async def enrolling(estate: Estate, certcentral: CertCentral) -> Enrolling:
    return Enrolling(estate.api, await digicert_chain(estate, certcentral))


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
    path = f"/enrollments/{(await enrolling.enroll(WWW))['id']}"
    parked = await enrolling.until(path, "state", "parked")
    assert parked["reason_code"] == "certificate-quarantined"
    assert "then cancel this enrollment" in parked["reason"], "revoking alone leaves it parked"
    canceled = await enrolling.api.post(f"{path}/cancel", status=200)
    assert canceled["state"] == "canceled"


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


async def test_an_end_is_a_day_after_today(enrolling: Enrolling) -> None:
    body = enrolling.body(WWW, not_after=(datetime.now(UTC) + timedelta(hours=23)).isoformat())
    said = await enrolling.api.post("/enrollments", body, 422)
    assert faults_of(said) == {("/not_after", "term-too-short")}
    assert "T23:59:59Z" in said["errors"][0]["accepted"]
    path = f"/certificate-profiles/{enrolling.chain.profile['id']}"
    today = {"allowed_days": [1], "default_days": 1}
    said = await enrolling.api.patch(path, {"term": today}, 422)
    assert faults_of(said) == {("/term/allowed_days", "term-too-short")}
    await enrolling.api.patch(path, {"term": today | {"allowed_days": [1, 2]}})
    said = await enrolling.api.post("/enrollments", enrolling.body(WWW), 422)
    assert faults_of(said) == {("/term_days", "term-too-short")}


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
