"""An account at Entrust: its organizations, what reaches it, and CA Gateway, its other API."""

from datetime import UTC, datetime, timedelta

import pytest

from api_client import code_of, faults_of
from digicert_estate import assign
from entrust_estate import OWN, VALIDATED, Entrust, connection, entrust_chain, gateway_connection
from estate import Estate, Json
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
    an_hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = await enrolling.enroll(WWW, not_after=an_hour)
    assert made["not_after"], "in minutes, not in days as ECS"


async def test_ecs_has_certificates_end_with_a_day_after_today(enrolling: Enrolling) -> None:
    body = enrolling.body(WWW, not_after=(datetime.now(UTC) + timedelta(hours=23)).isoformat())
    said = await enrolling.api.post("/enrollments", body, 422)
    assert faults_of(said) == {("/not_after", "term-too-short")}


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
