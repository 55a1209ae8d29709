"""What follows a certificate of Entrust: its reissue, and giving it back to the inventory."""

from datetime import UTC, datetime, timedelta

import pytest

from api_client import code_of, faults_of
from csrs import csr_for
from entrust_estate import Entrust, connection, entrust_chain
from estate import Estate
from settlement import Enrolling

WWW = "www.example.com"
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def ca(entrust_ca: Entrust) -> Entrust:
    return entrust_ca


@pytest.fixture
async def enrolling(estate: Estate, ca: Entrust) -> Enrolling:
    return Enrolling(estate.api, await entrust_chain(estate, ca))


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


@pytest.mark.parametrize("reason", ["superseded", "key_compromise"])
async def test_what_a_reissue_revoked_is_told_where_nobody_has_the_new_one(
    enrolling: Enrolling, ca: Entrust, reason: str
) -> None:
    """A compromised key's certificate is not reissued, and revoked by nobody in that case."""
    first = await enrolling.issued(WWW)
    path = f"/certificates/{first['id']}"
    ca.behave(clock_offset_seconds=timedelta(days=2).total_seconds())  # it is not valid yet
    body = {"csr": csr_for(WWW), "reason": reason}
    accepted = await enrolling.api.post(f"{path}/replace", body, 202)
    parked = await enrolling.settled(accepted["enrollment_id"])
    assert parked["reason_code"] == "certificate-quarantined"
    is_reissued = ca.certificate(first["ca_ref"])["status"] == "REISSUED"
    assert ("revokes what it reissues" in parked["reason"]) == is_reissued
    assert is_reissued == (reason == "superseded")
    ca.behave(clock_offset_seconds=0)
    await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
    await enrolling.until(path, "revocation.state", "done")
    assert len(ca.calls("revoke")) == (0 if is_reissued else 1)


async def test_an_account_without_pooling_has_whole_years_also_in_replacements(
    estate: Estate, ca: Entrust
) -> None:
    """P1Y ends with the last second of the day a year later, so it lasts longer than 365 days."""
    ca.control("PATCH", "/settings", {"pooling": False})
    private = {"backend_type": "entrust", "ecs": {"cert_type": "PRIVATE_SSL"}}
    chain = await entrust_chain(
        estate,
        ca,
        reaching=connection(ca, pooling=False),
        options=private,
        term={"allowed_days": [365], "default_days": 365},
    )
    enrolling = Enrolling(estate.api, chain)
    first = await enrolling.issued(WWW)
    path = f"/certificates/{first['id']}"
    body = {"csr": csr_for(WWW), "reason": "superseded"}
    accepted = await enrolling.api.post(f"{path}/replace", body, 202)
    ended = await enrolling.settled(accepted["enrollment_id"])
    assert ended["state"] == "issued", ended["reason"]
    assert ca.ledger("order")[1]["follows"] == ["reissue", int(first["ca_ref"])]
    path = f"/certificates/{ended['certificate_id']}"
    body = {"csr": csr_for(WWW), "reason": "key_compromise"}  # which ECS does not reissue
    said = await enrolling.api.post(f"{path}/replace", body, 422)
    assert faults_of(said) == {("", "term-not-allowed")}
    end = (datetime.now(UTC) + timedelta(days=300)).isoformat()
    said = await enrolling.api.post("/enrollments", enrolling.body(WWW, not_after=end), 422)
    assert faults_of(said) == {("/not_after", "term-not-allowed")}
    profile = f"/certificate-profiles/{chain.profile['id']}"
    await enrolling.api.patch(profile, {"term": {"allowed_days": [90], "default_days": 90}})
    said = await enrolling.api.post("/enrollments", enrolling.body(WWW), 422)
    assert faults_of(said) == {("/term_days", "term-not-allowed")}


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
