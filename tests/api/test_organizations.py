"""Organizations, departments and the domains they own."""

from urllib.parse import quote

import pytest

from api_client import code_of, faults_of
from estate import Estate
from settlement import Enrolling


async def test_departments_belong_to_an_organization(estate: Estate) -> None:
    api = estate.api
    organization, other = await estate.organization(), await estate.organization()
    path = f"/organizations/{organization['id']}/departments"
    department = await api.post(path, {"name": "Web"})
    assert department["parent_id"] == organization["id"]
    await api.post(f"/organizations/{other['id']}/departments", {"name": "Web"})
    assert await api.everything(path) == [department]
    assert await api.everything(f"/organizations?parent_id={organization['id']}") == [department]
    assert await api.get(f"/organizations/{department['id']}") == department
    below = f"/organizations/{department['id']}/departments"
    assert code_of(await api.post(below, {"name": "Team"}, 409)) == "parent-is-department"
    problem = await api.delete(f"/organizations/{organization['id']}", 409)
    assert problem["used_by"] == [{"kind": "department", "id": department["id"], "name": "Web"}]
    await api.delete(f"/organizations/{department['id']}")
    await api.delete(f"/organizations/{organization['id']}")


async def test_a_parent_cannot_be_chosen_in_the_body(estate: Estate) -> None:
    organization, other = await estate.organization(), await estate.organization()
    body = {"parent_id": other["id"]}
    problem = await estate.api.patch(f"/organizations/{organization['id']}", body, 422)
    assert faults_of(problem) == {("/parent_id", "unknown-field")}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("EXAMPLE.com", "example.com"),
        ("example.com.", "example.com"),
        ("*.Example.com", "*.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("a.b.example.co.uk", "a.b.example.co.uk"),
        ("corp.internal", "corp.internal"),
    ],
)
async def test_domains_have_one_spelling(estate: Estate, given: str, kept: str) -> None:
    organization = await estate.organization()
    path = f"/organizations/{organization['id']}/domains"
    assert (await estate.api.post(path, {"name": given}))["name"] == kept
    assert code_of(await estate.api.post(path, {"name": kept}, 409)) == "domain-already-owned"
    another = await estate.organization(given)
    owned = await estate.api.everything(f"/organizations/{another['id']}/domains")
    assert [domain["name"] for domain in owned] == [kept]
    named = f"{path}?name={quote(given)}"
    assert [domain["name"] for domain in await estate.api.everything(named)] == [kept]
    assert await estate.api.everything(f"{path}?name=other.example") == []


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("com", "public-suffix"),
        ("co.uk", "public-suffix"),
        ("localhost", "public-suffix"),
        ("*.com", "wildcard-not-allowed"),
        ("*.co.uk", "wildcard-not-allowed"),
        ("*", "wildcard-not-allowed"),
        ("a*.example.com", "wildcard-not-allowed"),
        ("*.*.example.com", "wildcard-not-allowed"),
        ("www.*.example.com", "wildcard-not-allowed"),
        ("", "name-invalid"),
        ("a..example.com", "name-invalid"),
        ("-a.example.com", "name-invalid"),
        ("a_b.example.com", "name-invalid"),
        ("10.0.0.1", "name-invalid"),
        ("example.com\x00", "name-invalid"),
        (" example.com", "name-invalid"),
        ("e\u212aample.com", "name-invalid"),
    ],
)
async def test_what_nobody_can_own(estate: Estate, given: str, code: str) -> None:
    organization = await estate.organization()
    path = f"/organizations/{organization['id']}/domains"
    problem = await estate.api.post(path, {"name": given}, 422)
    assert faults_of(problem) == {("/name", code)}


async def test_a_domain_is_found_under_its_organization_only(estate: Estate) -> None:
    owner, other = await estate.organization("example.com"), await estate.organization()
    [domain] = await estate.api.everything(f"/organizations/{owner['id']}/domains")
    elsewhere = f"/organizations/{other['id']}/domains/{domain['id']}"
    await estate.api.get(elsewhere, 404)
    await estate.api.delete(elsewhere, 404)
    assert await estate.api.get(f"/organizations/{owner['id']}/domains/{domain['id']}") == domain
    [event, *_] = await estate.api.everything(f"/audit-events?subject_id={owner['id']}")
    assert event["details"] == {"domain": "example.com"}
    assert event["organization_id"] == owner["id"]


async def test_domains_go_with_their_organization(estate: Estate) -> None:
    organization = await estate.organization("example.com")
    await estate.api.delete(f"/organizations/{organization['id']}")
    await estate.api.get(f"/organizations/{organization['id']}/domains", 404)


async def test_what_uses_an_organization_keeps_it(estate: Estate) -> None:
    chain = await estate.chain()
    path = f"/organizations/{chain.organization['id']}"
    enrollment = await Enrolling(estate.api, chain).enroll("www.example.com")
    problem = await estate.api.delete(path, 409)
    assert code_of(problem) == "in-use"
    profile = chain.profile
    assert problem["used_by"] == [
        {"kind": "certificate_profile", "id": profile["id"], "name": profile["name"]},
        {"kind": "enrollment", "id": enrollment["id"], "name": "www.example.com"},
    ]
