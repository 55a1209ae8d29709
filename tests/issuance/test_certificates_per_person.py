"""A person has as many certificates as the profile allows, whoever asks for how many at once."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from approvals import at_work
from sqlalchemy import func, update

from api_client import code_of, faults_of
from csrs import client_csr, csr_for
from estate import Chain, Estate, Json
from memory_ca.authority import Authority
from memory_estate import memory_chain
from scm_api.db.models import Certificate
from scm_api.db.session import Database
from scm_api.settings import Settings
from settlement import Enrolling

ADA = "ada@example.com"
_IN_AN_HOUR = func.now() + timedelta(hours=1)


@pytest.fixture
async def limited(estate: Estate) -> tuple[Enrolling, Authority]:
    """Three certificates a person."""
    chain, authority = await memory_chain(estate, "client", max_valid_certificates=3)
    return Enrolling(estate.api, chain), authority


async def ask(enrolling: Enrolling, address: str = ADA, **changes: Any) -> Any:
    """One enrollment for a person, whatever becomes of it."""
    body = enrolling.body(csr=client_csr(address), **changes)
    return await enrolling.api.send("POST", "/enrollments", json=body)


async def in_force(enrolling: Enrolling) -> list[Json]:
    everything = await enrolling.api.everything("/certificates?status=valid")
    return [each for each in everything if each["revocation"] is None]


async def test_fifty_at_once_leave_exactly_three(
    limited: tuple[Enrolling, Authority], settings: Settings
) -> None:
    enrolling, authority = limited
    answers = await asyncio.gather(*(ask(enrolling) for _ in range(50)))
    taken = [each for each in answers if each.status_code == 202]
    refused = [each for each in answers if each.status_code == 409]
    assert (len(taken), len(refused)) == (3, 47)
    assert {code_of(each.json()) for each in refused} == {"limit-reached"}
    async with at_work(settings):
        for each in taken:
            assert (await enrolling.settled(each.json()["id"]))["state"] == "issued"
    assert len(await in_force(enrolling)) == len(authority.ledger) == 3


async def test_fifty_at_once_with_auto_revoke_leave_the_newest_three(
    estate: Estate, settings: Settings
) -> None:
    rules = {"max_valid_certificates": 3, "auto_revoke": True}
    chain, authority = await memory_chain(estate, "client", **rules)
    enrolling = Enrolling(estate.api, chain)
    answers = await asyncio.gather(*(ask(enrolling) for _ in range(50)))
    assert {each.status_code for each in answers} == {202}
    async with at_work(settings):
        for each in answers:
            assert (await enrolling.settled(each.json()["id"]))["state"] == "issued"
        for _ in range(200):
            if len(authority.revoked) == 47:
                break
            await asyncio.sleep(0.1)
    issued = _by_age(await estate.api.everything("/certificates"))
    assert len(issued) == 50
    assert _by_age(await estate.api.everything("/certificates?status=valid")) == issued[-3:]
    assert set(authority.revoked.values()) == {"superseded"}


def _by_age(certificates: list[Json]) -> list[str]:
    """Their ids; by the database's clock, which is one."""
    by_age = sorted(certificates, key=lambda each: (each["created_at"], each["id"]))
    return [each["id"] for each in by_age]


async def test_f28_the_oldest_is_so_by_the_clock_of_the_database(
    estate: Estate, settings: Settings, database: Database
) -> None:
    """Ids are as old as the clock says of whichever worker recorded the certificate."""
    rules = {"max_valid_certificates": 1, "auto_revoke": True}
    chain, _ = await memory_chain(estate, "client", **rules)
    enrolling = Enrolling(estate.api, chain)
    async with at_work(settings):
        late_by_its_clock = await enrolling.issued(csr=client_csr(ADA))
        async with database.transaction() as session:
            await session.execute(update(Certificate).values(created_at=_IN_AN_HOUR))
        oldest = await enrolling.issued(csr=client_csr(ADA))
        await enrolling.until(f"/certificates/{oldest['id']}", "status", "revoked")
    assert [each["id"] for each in await in_force(enrolling)] == [late_by_its_clock["id"]]


async def test_the_oldest_goes_only_once_the_new_one_is_there(
    estate: Estate, settings: Settings
) -> None:
    rules = {"max_valid_certificates": 1, "auto_revoke": True}
    chain, authority = await memory_chain(estate, "client", **rules)
    enrolling = Enrolling(estate.api, chain)
    async with at_work(settings):
        old = await enrolling.issued(csr=client_csr(ADA))
        authority.holding = True
        made = (await ask(enrolling)).json()
        await enrolling.until(f"/enrollments/{made['id']}", "state", "pending_ca")
        path = f"/certificates/{old['id']}"
        assert (await estate.api.get(path))["revocation"] is None
        authority.release()
        assert (await enrolling.settled(made["id"]))["state"] == "issued"
        revoked = await enrolling.until(path, "status", "revoked")
    assert revoked["revocation"]["reason"] == "superseded"
    events = await estate.api.everything(f"/audit-events?subject_id={old['id']}")
    told = {each["action"]: each["details"] for each in events}
    asked = told["certificate.revocation_requested"]
    assert asked["superseded_by_enrollment_id"] == made["id"]


async def test_a_new_one_that_the_ca_refuses_leaves_the_old_one(
    estate: Estate, settings: Settings
) -> None:
    rules = {"max_valid_certificates": 1, "auto_revoke": True}
    chain, authority = await memory_chain(estate, "client", **rules)
    enrolling = Enrolling(estate.api, chain)
    async with at_work(settings):
        await enrolling.issued(csr=client_csr(ADA))
        authority.name = "renamed"
        made = (await ask(enrolling)).json()
        assert (await enrolling.settled(made["id"]))["state"] == "rejected"
    assert len(await in_force(enrolling)) == 1
    assert authority.revoked == {}


async def test_others_have_room_of_their_own(limited: tuple[Enrolling, Authority]) -> None:
    enrolling, _ = limited
    for _ in range(3):
        assert (await ask(enrolling)).status_code == 202
    assert (await ask(enrolling, "ADA@example.com")).status_code == 409
    assert (await ask(enrolling, "jo@example.com")).status_code == 202


async def test_a_further_address_makes_no_more_room(limited: tuple[Enrolling, Authority]) -> None:
    enrolling, _ = limited
    for number in range(3):
        csr = client_csr(ADA, f"alias{number}@example.com")
        await enrolling.enroll(csr=csr)
    body = enrolling.body(csr=client_csr("alias3@example.com", ADA))
    response = await enrolling.api.send("POST", "/enrollments", 409, json=body)
    assert ADA in response.json()["detail"]


async def test_room_comes_back_with_what_ends(
    limited: tuple[Enrolling, Authority], settings: Settings
) -> None:
    enrolling, _ = limited
    for _ in range(2):
        assert (await ask(enrolling)).status_code == 202
    canceled = (await ask(enrolling)).json()
    assert (await ask(enrolling)).status_code == 409
    await enrolling.api.post(f"/enrollments/{canceled['id']}/cancel", {}, 200)
    async with at_work(settings):
        certificate = await enrolling.issued(csr=client_csr(ADA))
        assert (await ask(enrolling)).status_code == 409
        path = f"/certificates/{certificate['id']}"
        await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
        await enrolling.until(path, "status", "revoked")
        assert (await ask(enrolling)).status_code == 202


async def test_a_replacement_takes_the_room_of_what_it_replaces(
    estate: Estate, settings: Settings
) -> None:
    chain, _ = await memory_chain(estate, "client", max_valid_certificates=1)
    enrolling = Enrolling(estate.api, chain)
    async with at_work(settings):
        old = await enrolling.issued(csr=client_csr(ADA))
        path = f"/certificates/{old['id']}"
        body = {"csr": client_csr(ADA)}
        full = await estate.api.post(f"{path}/renew", body, 409)
        assert code_of(full) == "limit-reached"
        made = await estate.api.post(f"{path}/replace", body | {"reason": "superseded"}, 202)
        assert (await enrolling.settled(made["enrollment_id"]))["state"] == "issued"
        await enrolling.until(path, "status", "revoked")
    assert len(await in_force(enrolling)) == 1


async def test_the_dry_run_says_so_too(estate: Estate) -> None:
    rules = {"max_valid_certificates": 1, "server_side_keys": True}
    chain, _ = await memory_chain(estate, "client", **rules)
    enrolling = Enrolling(estate.api, chain)
    key = {"key_type": "ec-p256", "password": "correct horse battery", "common_name": "Ada"}
    names = [{"kind": "email", "value": ADA}]
    bodies = (
        enrolling.body(csr=client_csr(ADA)),
        enrolling.body(generate_key=key, names=names),
    )
    for body in bodies:
        assert (await enrolling.api.post("/enrollments/validate", body, 200))["valid"] is True
    await ask(enrolling)
    for body in bodies:
        found = await enrolling.api.post("/enrollments/validate", body, 200)
        [fault] = found["errors"]
        assert fault["type"].endswith("limit-reached")


async def test_a_request_for_nobody_is_refused(estate: Estate) -> None:
    chain, _ = await memory_chain(estate, "client", max_valid_certificates=1)
    body = Enrolling(estate.api, chain).body(csr=csr_for("www.example.com"))
    response = await estate.api.send("POST", "/enrollments", 422, json=body)
    assert faults_of(response.json()) == {("/csr", "person-missing")}


async def test_limits_are_for_client_certificates(estate: Estate) -> None:
    backend = await estate.ca_backend()
    body = estate.profile_body(backend["id"], max_valid_certificates=1)
    response = await estate.api.send("POST", "/certificate-profiles", 422, json=body)
    assert code_of(response.json()) == "quota-not-supported"


async def another_place(estate: Estate, chain: Chain) -> Enrolling:
    """A department that uses the same profile and the domain of its organization."""
    home = f"/organizations/{chain.organization['id']}"
    department = await estate.api.post(f"{home}/departments", {"name": estate.name("department")})
    domains = await estate.api.everything(f"{home}/domains")
    [domain] = [each for each in domains if each["name"] == "example.com"]
    delegation = {"organization_id": department["id"], "certificate_types": ["client"]}
    await estate.api.put(
        f"{home}/domains/{domain['id']}/delegations", {"delegations": [delegation]}
    )
    usable_by = [chain.organization["id"], department["id"]]
    profile = f"/certificate-profiles/{chain.profile['id']}"
    await estate.api.patch(profile, {"organization_ids": usable_by})
    return Enrolling(estate.api, replace(chain, organization=department))


async def test_t45_what_other_organizations_have_is_neither_revoked_nor_counted(
    estate: Estate, settings: Settings
) -> None:
    rules = {"max_valid_certificates": 1, "auto_revoke": True}
    chain, authority = await memory_chain(estate, "client", **rules)
    here, there = Enrolling(estate.api, chain), await another_place(estate, chain)
    async with at_work(settings):
        theirs = await there.issued(csr=client_csr(ADA))
        old, _ = await here.issued(csr=client_csr(ADA)), await here.issued(csr=client_csr(ADA))
        await here.until(f"/certificates/{old['id']}", "status", "revoked")
    kept = await estate.api.get(f"/certificates/{theirs['id']}")
    assert (kept["status"], kept["revocation"]) == ("valid", None)
    assert len(authority.revoked) == 1


async def test_t45_nobody_fills_the_room_of_another_organization(estate: Estate) -> None:
    chain, _ = await memory_chain(estate, "client", max_valid_certificates=1)
    here, there = Enrolling(estate.api, chain), await another_place(estate, chain)
    assert (await ask(there)).status_code == 202
    body = here.body(csr=client_csr(ADA))
    assert (await estate.api.post("/enrollments/validate", body, 200))["valid"] is True
    assert (await ask(here)).status_code == 202
    assert (await ask(here)).status_code == 409


async def test_a_limit_can_be_taken_back(limited: tuple[Enrolling, Authority]) -> None:
    enrolling, _ = limited
    for _ in range(3):
        await ask(enrolling)
    path = f"/certificate-profiles/{enrolling.chain.profile['id']}"
    changed = await enrolling.api.patch(path, {"max_valid_certificates": None})
    assert changed["max_valid_certificates"] is None
    assert (await ask(enrolling)).status_code == 202
