"""Domains of others: usable for the types they were delegated for, for as long as they are."""

import pytest
from approvals import at_work
from sqlalchemy import delete

from api_client import code_of, faults_of
from csrs import csr_for
from estate import Chain, Estate, Json
from scm_api.db.models import OrganizationDomainDelegation
from scm_api.db.session import Database
from scm_api.settings import Settings
from settlement import Enrolling
from simulator import Simulator

WWW = "www.example.com"


@pytest.fixture
async def department(estate: Estate, chain: Chain) -> Enrolling:
    """A department without domains that may use the profile."""
    owner = chain.organization["id"]
    path = f"/organizations/{owner}/departments"
    made = await estate.api.post(path, {"name": estate.name("department")})
    profile = f"/certificate-profiles/{chain.profile['id']}"
    await estate.api.patch(profile, {"organization_ids": [owner, made["id"]]})
    return Enrolling(
        estate.api,
        Chain(chain.connector, chain.local_ca_backend, chain.ca_backend, made, chain.profile),
    )


async def wildcard_of(estate: Estate, chain: Chain) -> str:
    """The address of the entry for the names below example.com."""
    path = f"/organizations/{chain.organization['id']}/domains"
    found = await estate.api.everything(path)
    one = next(each for each in found if each["name"] == "*.example.com")
    return f"{path}/{one['id']}"


async def delegated(
    estate: Estate, chain: Chain, to: Enrolling | None, types: tuple[str, ...] = ("ssl",)
) -> Json:
    """The domain, delegated to this one alone or to nobody."""
    items = [
        {"organization_id": each.chain.organization["id"], "certificate_types": list(types)}
        for each in (to,)
        if each is not None
    ]
    path = f"{await wildcard_of(estate, chain)}/delegations"
    found: Json = await estate.api.put(path, {"delegations": items})
    return found


async def refused(department: Enrolling) -> bool:
    """Whether the name is nobody's for the department."""
    body = department.body(WWW)
    found = await department.api.post("/enrollments/validate", body, 200)
    codes = {code_of(fault) for fault in found["errors"]}
    assert codes <= {"name-not-allowed"}
    return bool(codes)


async def test_a_delegated_domain_is_as_good_as_owned(
    estate: Estate, chain: Chain, department: Enrolling, settings: Settings
) -> None:
    assert await refused(department)
    shown = await delegated(estate, chain, department)
    receiver = department.chain.organization["id"]
    assert shown["delegations"] == [{"organization_id": receiver, "certificate_types": ["ssl"]}]
    async with at_work(settings):
        certificate = await department.issued(WWW)
    assert certificate["organization_id"] == receiver
    path = f"/organizations/{receiver}/delegated-domains"
    [listed] = await estate.api.everything(path)
    assert (listed["name"], listed["certificate_types"]) == ("*.example.com", ["ssl"])
    assert await estate.api.everything(f"/organizations/{receiver}/domains") == []


async def test_it_is_for_its_types_of_certificate_only(
    estate: Estate, chain: Chain, department: Enrolling
) -> None:
    await delegated(estate, chain, department, ("client", "device"))
    assert await refused(department)


async def test_it_can_be_taken_back(estate: Estate, chain: Chain, department: Enrolling) -> None:
    await delegated(estate, chain, department)
    assert (await delegated(estate, chain, None))["delegations"] == []
    assert await refused(department)


async def test_taken_back_before_it_is_sent_nothing_is_ordered(
    estate: Estate,
    chain: Chain,
    department: Enrolling,
    settings: Settings,
    simulator: Simulator,
    database: Database,
) -> None:
    await delegated(estate, chain, department)
    made = await department.enroll(WWW)
    async with database.transaction() as session:
        await session.execute(delete(OrganizationDomainDelegation))
    async with at_work(settings):
        parked = await department.settled(made["id"])
    assert (parked["state"], parked["reason_code"]) == ("parked", "name-not-allowed")
    assert simulator.ledger("order") == []


async def test_a_domain_changes_when_an_organization_it_was_delegated_to_is_deleted(
    estate: Estate, chain: Chain
) -> None:
    other = await estate.organization()
    path = await wildcard_of(estate, chain)
    given = [{"organization_id": other["id"], "certificate_types": ["ssl"]}]
    before = await estate.api.put(f"{path}/delegations", {"delegations": given})
    await estate.api.delete(f"/organizations/{other['id']}")
    domains = await estate.api.everything(f"/organizations/{chain.organization['id']}/domains")
    (left,) = [each for each in domains if each["id"] == before["id"]]
    assert (left["delegations"], left["version"]) == ([], before["version"] + 1)


async def test_a_delegated_domain_and_its_owner_are_in_use(
    estate: Estate, chain: Chain, department: Enrolling
) -> None:
    await delegated(estate, chain, department)
    problem = await estate.api.delete(await wildcard_of(estate, chain), 409)
    assert problem["used_by"][0]["id"] == department.chain.organization["id"]
    await delegated(estate, chain, None)
    await estate.api.delete(await wildcard_of(estate, chain), 204)


async def test_each_change_is_one_event_and_a_repeat_none(
    estate: Estate, chain: Chain, department: Enrolling
) -> None:
    for _ in range(2):
        await delegated(estate, chain, department)
    path = f"/audit-events?subject_id={chain.organization['id']}"
    events = await estate.api.everything(path)
    told = [each for each in events if each["action"] == "organization.domain_delegated"]
    assert [each["details"]["domain"] for each in told] == ["*.example.com"]


async def test_t34_events_name_no_organization_to_those_who_may_not_see_it(
    estate: Estate, chain: Chain
) -> None:
    other = Enrolling(estate.api, await estate.chain("other.example"))
    owner, receiver = chain.organization["id"], other.chain.organization["id"]
    await delegated(estate, chain, other)
    await delegated(estate, chain, None)
    seen = {}
    for place in (owner, receiver):
        limits = {"certificate_types": ["ssl"], "privileges": ["read_audit"]}
        _, key = await estate.api_key(role="rao", organization_ids=[place], **limits)
        seen[place] = await estate.api.as_key(key["key"]).everything("/audit-events")
    assert receiver not in str(seen[owner])
    assert owner not in str(seen[receiver])
    told = [event["details"] for event in seen[receiver] if "domain_deleg" in event["action"]]
    assert [each["certificate_types"] for each in told] == [[], ["ssl"]]
    assert {each["domain"] for each in told} == {"*.example.com"}


async def test_every_fault_of_a_delegation_is_told(
    estate: Estate, chain: Chain, department: Enrolling
) -> None:
    receiver, owner = department.chain.organization["id"], chain.organization["id"]
    nobody = "018f0000-0000-7000-8000-0000000000ff"
    items = [
        {"organization_id": each, "certificate_types": ["ssl"]}
        for each in (receiver, receiver, owner, nobody)
    ]
    path = f"{await wildcard_of(estate, chain)}/delegations"
    answer = await estate.api.put(path, {"delegations": items}, 422)
    assert faults_of(answer) == {
        ("/delegations/1/organization_id", "delegation-superfluous"),
        ("/delegations/2/organization_id", "delegation-superfluous"),
        ("/delegations/3/organization_id", "reference-not-found"),
    }
    domain = await estate.api.get(await wildcard_of(estate, chain))
    assert domain["delegations"] == []


async def test_nobody_gives_back_what_another_admin_took(
    estate: Estate, chain: Chain, department: Enrolling
) -> None:
    """By a list of delegations that was read before."""
    path = await wildcard_of(estate, chain)
    read = await delegated(estate, chain, department)
    await delegated(estate, chain, None)
    body = {"delegations": read["delegations"]}
    stale = await estate.api.put(f"{path}/delegations", body, 412, if_match=read["version"])
    assert code_of(stale) == "stale"
    await estate.api.send("PUT", f"{path}/delegations", 428, json=body)
    await estate.api.delete(path, 412, headers={"If-Match": f'"{read["version"]}"'})
    now = await estate.api.send("GET", path, 200)
    assert now.json()["delegations"] == []
    assert now.headers["ETag"] == f'"{read["version"] + 1}"'


async def test_who_sees_one_end_sees_no_other(
    estate: Estate, chain: Chain, department: Enrolling
) -> None:
    stranger = await estate.organization()
    items = [
        {"organization_id": each, "certificate_types": ["ssl"]}
        for each in (department.chain.organization["id"], stranger["id"])
    ]
    path = await wildcard_of(estate, chain)
    await estate.api.put(f"{path}/delegations", {"delegations": items})
    _, key = await estate.api_key(
        role="rao",
        organization_ids=[chain.organization["id"]],
        certificate_types=["ssl"],
        privileges=["enroll"],
    )
    shown = await estate.api.as_key(key["key"]).get(path)
    assert [each["organization_id"] for each in shown["delegations"]] == [
        department.chain.organization["id"]
    ]


async def test_a_csr_for_the_owner_is_judged_as_before(chain: Chain, estate: Estate) -> None:
    body = Enrolling(estate.api, chain).body(csr=csr_for(WWW))
    assert (await estate.api.post("/enrollments/validate", body, 200))["valid"]
