"""What follows a certificate of CertCentral: reissues and revocations, and who approves them."""

from uuid import UUID

import pytest
from looking import look_again

from csrs import csr_for
from digicert_estate import CertCentral, digicert_chain
from estate import Estate, Json
from scm_api.db.base import new_id
from scm_api.db.jobs import Job, enqueue
from scm_api.db.session import Database
from scm_api.sandbox import digicert
from settlement import Enrolling

WWW = "www.example.com"
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
async def enrolling(estate: Estate, certcentral: CertCentral) -> Enrolling:
    return Enrolling(estate.api, await digicert_chain(estate, certcentral))


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
        await enqueue(session, Job.REVOKE_CERTIFICATE, UUID(path.rpartition("/")[2]), new_id())


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
