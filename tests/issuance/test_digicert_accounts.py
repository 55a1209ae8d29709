"""An account at CertCentral: its organizations, who they are assigned to, and its products."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from api_client import code_of, faults_of
from digicert_estate import VALIDATED, CertCentral, assign, digicert_chain
from estate import Estate
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


@pytest.fixture
async def enrolling(estate: Estate, certcentral: CertCentral) -> Enrolling:
    return Enrolling(estate.api, await digicert_chain(estate, certcentral))


@pytest.fixture
async def gateway(database: Database, settings: Settings) -> AsyncIterator[Gateway]:
    drivers = DriverPool()
    yield Gateway(database, load_key_ring(settings), drivers)
    await drivers.aclose()


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
    assert chain.profile["checked_against_ca"] is None, "CertCentral has no lists to compare with"
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
    first = await estate.api.send("GET", f"{path}?limit=3")
    rest = await estate.api.get(f"{path}?limit=3&cursor={first.json()['next_cursor']}")
    assert [*first.json()["items"], *rest["items"]] == everything["items"]
    assert (len(first.json()["items"]), rest["next_cursor"]) == (3, None)
    assert (await estate.api.get(first.links["next"]["url"])) == rest
    found = await estate.api.get(f"{path}?search=umbra w")
    assert [each["id"] for each in found["items"]] == [VALIDATED]
