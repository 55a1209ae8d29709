"""What an RAO or DRAO does not see and does not get, told by stories the matrix cannot tell."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from role_estate import EVERYTHING, Place, RoleEstate, rights

from api_client import Api, code_of, faults_of
from csrs import csr_for
from estate import Estate, Json
from scm_api.db.session import Database
from scm_api.web.auth import CACHE_SECONDS, Authenticator

Two = tuple[RoleEstate, Place, Place]


@pytest.fixture
async def two(estate: Estate) -> Two:
    """Two organizations that have nothing to do with each other."""
    roles = RoleEstate(estate)
    shared = await roles.shared()
    return roles, await roles.place(shared), await roles.place(shared)


def order(organization_id: str, profile_id: str) -> Json:
    return {
        "organization_id": organization_id,
        "certificate_profile_id": profile_id,
        "csr": csr_for("www.demo.example.com"),
    }


def without_request(problem: Json) -> Json:
    return {name: each for name, each in problem.items() if name != "request_id"}


async def test_t35_what_a_body_refers_to_in_vain_reads_the_same_for_all(two: Two) -> None:
    roles, mine, other = two
    rao = await roles.caller("rao", mine)
    a, b = mine.ids, other.ids
    csr = csr_for("www.demo.example.com")

    def enrolling(organization_id: str, profile_id: str) -> Json:
        return order(organization_id, profile_id) | {"csr": csr}

    async def refused(path: str, body: Callable[[str], Json], theirs: str, pointer: str) -> None:
        seen = await rao.post(path, body(theirs), 422)
        assert faults_of(seen) == {(pointer, "reference-not-found")}
        assert without_request(await rao.post(path, body(str(uuid4())), 422)) == without_request(
            seen
        )

    profile = a["certificate_profile_id"]
    await refused(
        "/enrollments", lambda it: enrolling(it, profile), b["organization_id"], "/organization_id"
    )
    await refused(
        "/enrollments",
        lambda it: enrolling(a["organization_id"], it),
        b["certificate_profile_id"],
        "/certificate_profile_id",
    )
    draft = roles.estate.profile_body(a["ca_backend_id"], organization_ids=[a["organization_id"]])
    at = "/certificate-profiles"
    await refused(
        at, lambda it: draft | {"ca_backend_id": it}, b["ca_backend_id"], "/ca_backend_id"
    )
    await refused(
        at,
        lambda it: draft | {"organization_ids": [it]},
        b["organization_id"],
        "/organization_ids/0",
    )
    peer = {"name": "Cleo", "email": "cleo@example.com"} | rights("rao", privileges=[])
    await refused(
        "/admins",
        lambda it: peer | {"organization_ids": [it]},
        b["organization_id"],
        "/organization_ids/0",
    )
    key = {"admin_id": a["admin_id"], "name": "key"}
    await refused("/api-keys", lambda it: key | {"admin_id": it}, b["admin_id"], "/admin_id")
    await refused(
        "/api-keys",
        lambda it: key | {"scope": rights("rao", it, privileges=[])},
        b["organization_id"],
        "/scope/organization_ids/0",
    )


async def test_a_profile_seen_by_another_of_ones_organizations_is_named(two: Two) -> None:
    roles, mine, other = two
    rao = await roles.caller("rao", mine, other)
    wrong = order(mine.ids["organization_id"], other.ids["certificate_profile_id"])
    problem = await rao.post("/enrollments", wrong, 422)
    assert faults_of(problem) == {("/certificate_profile_id", "profile-not-delegated")}


async def test_t36_filters_and_cursors_of_others_lead_nowhere(two: Two) -> None:
    roles, mine, other = two
    rao, theirs = await roles.caller("rao", mine), await roles.caller("rao", other)
    for place in (mine, other):
        ids = place.ids
        body = order(ids["organization_id"], ids["certificate_profile_id"])
        for _ in range(2):
            await roles.api.post("/enrollments", body, 202)
    their_id = other.ids["organization_id"]
    for path in ("/enrollments", "/certificates", "/certificate-profiles", "/audit-events"):
        assert await rao.everything(f"{path}?organization_id={their_id}") == []
    assert await rao.everything(f"/organizations?parent_id={their_id}") == []
    assert await rao.everything(f"/api-keys?admin_id={other.ids['admin_id']}") == []
    assert len(await theirs.everything(f"/enrollments?organization_id={their_id}")) == 2
    cursor = (await theirs.get("/enrollments?limit=1"))["next_cursor"]
    problem = await rao.get(f"/enrollments?limit=1&cursor={cursor}", 400)
    assert code_of(problem) == "cursor-invalid"


async def test_t40_a_backend_shows_nothing_of_its_connection(two: Two) -> None:
    roles, mine, _ = two
    path = f"/ca-backends/{mine.ids['ca_backend_id']}"
    checked = await roles.api.post(f"{path}/check", status=200)
    assert checked["visible_cas"] > 0
    rao = await roles.caller("rao", mine)
    hidden = {
        "connector_id": None,
        "local_ca_backend_id": None,
        "status_detail": "",
        "findings": [],
        "visible_cas": None,
    }
    assert await rao.get(path) == checked | hidden
    assert await rao.everything("/ca-backends") == [checked | hidden]
    local = mine.ids["local_ca_backend_id"]
    assert await rao.everything(f"/ca-backends?local_ca_backend_id={local}&status=available") == [
        checked | hidden
    ]


async def test_t48_what_an_admin_lost_is_gone_at_once_and_elsewhere_within_five_seconds(
    two: Two, database: Database
) -> None:
    roles, mine, other = two
    admin, key = await roles.estate.api_key(
        **rights("rao", mine.ids["organization_id"], privileges=["enroll"])
    )
    caller = roles.api.as_key(key["key"])
    body = order(mine.ids["organization_id"], mine.ids["certificate_profile_id"])
    await caller.post("/enrollments", body, 202)
    now = 100.0
    elsewhere = Authenticator(database, clock=lambda: now)
    assert (await elsewhere.principal(key["key"])).privileges == {"enroll"}

    await roles.api.patch(f"/admins/{admin['id']}", {"privileges": []})
    problem = await caller.post("/enrollments", body, 403)
    assert "enroll" in problem["detail"]
    now += CACHE_SECONDS + 0.1
    assert (await elsewhere.principal(key["key"])).privileges == set()

    moved = {"organization_ids": [other.ids["organization_id"]]}
    await roles.api.patch(f"/admins/{admin['id']}", moved)
    await caller.get(f"/organizations/{mine.ids['organization_id']}", 404)
    await caller.get(f"/organizations/{other.ids['organization_id']}")


async def test_t52_an_idempotency_key_of_another_admin_means_nothing(two: Two) -> None:
    roles, mine, other = two
    rao, theirs = await roles.caller("rao", mine), await roles.caller("rao", other)
    headers = {"Idempotency-Key": "order-1"}
    body = order(mine.ids["organization_id"], mine.ids["certificate_profile_id"])
    kept = await rao.post("/enrollments", body, 202, headers=headers)
    problem = await theirs.post("/enrollments", body, 422, headers=headers)
    assert ("/organization_id", "reference-not-found") in faults_of(problem)
    assert await rao.post("/enrollments", body, 202, headers=headers) == kept


async def test_t52_a_key_that_may_less_gets_no_answer_kept_for_one_that_may_more(two: Two) -> None:
    roles, mine, _ = two
    admin, key = await roles.estate.api_key(
        **rights("rao", mine.ids["organization_id"], privileges=EVERYTHING)
    )
    reader = await roles.api.post(
        "/api-keys",
        {
            "admin_id": admin["id"],
            "name": "reader",
            "scope": rights("rao", mine.ids["organization_id"], privileges=[]),
        },
    )
    headers, body = {"Idempotency-Key": "key-1"}, {"admin_id": admin["id"], "name": "new"}
    await roles.api.as_key(key["key"]).post("/api-keys", body, headers=headers)
    problem = await roles.api.as_key(reader["key"]).post("/api-keys", body, 403, headers=headers)
    assert code_of(problem) == "privilege-escalation"


async def test_t52_a_key_that_sees_less_gets_no_answer_kept_for_one_that_sees_more(
    two: Two,
) -> None:
    roles, mine, other = two
    body = rights("rao", mine.ids["organization_id"], privileges=[])
    admin, _ = await roles.estate.api_key(**body)
    [ada] = await roles.api.everything("/admins?email=ada@example.com")
    scope = rights("rao", other.ids["organization_id"], privileges=[])
    asked: Json = {"admin_id": ada["id"], "name": "narrow", "scope": scope}
    narrow = roles.api.as_key((await roles.api.post("/api-keys", asked))["key"])
    headers, wanted = {"Idempotency-Key": "key-1"}, {"admin_id": admin["id"], "name": "new"}
    made = await roles.api.post("/api-keys", wanted, headers=headers)
    assert await roles.api.post("/api-keys", wanted, headers=headers) == made
    problem = await narrow.post("/api-keys", wanted, 422, headers=headers)
    assert faults_of(problem) == {("/admin_id", "reference-not-found")}
    path = f"/organizations/{mine.ids['organization_id']}/departments"
    await roles.api.post(path, {"name": "kept"}, headers={"Idempotency-Key": "key-2"})
    await narrow.post(path, {"name": "kept"}, 404, headers={"Idempotency-Key": "key-2"})


async def test_an_rao_reaches_departments_made_later(two: Two, database: Database) -> None:
    roles, mine, _ = two
    _, key = await roles.estate.api_key(**rights("rao", mine.ids["organization_id"], privileges=[]))
    authenticator = Authenticator(database)
    seen = (await authenticator.principal(key["key"])).organization_ids
    assert {str(each) for each in seen or ()} == {mine.ids["organization_id"]}
    at = f"/organizations/{mine.ids['organization_id']}/departments"
    department = await roles.api.post(at, {"name": "later"})
    authenticator.forget()
    seen = (await authenticator.principal(key["key"])).organization_ids
    assert {str(each) for each in seen or ()} == {mine.ids["organization_id"], department["id"]}


async def test_a_deleted_organization_leaves_everybodys_rights(two: Two) -> None:
    roles, mine, _ = two
    gone = await roles.estate.organization()
    given = rights("rao", mine.ids["organization_id"], gone["id"], privileges=[])
    admin, _ = await roles.estate.api_key(**given)
    only, key = await roles.estate.api_key(**rights("rao", gone["id"], privileges=[]))
    await roles.api.delete(f"/organizations/{gone['id']}")
    left = await roles.api.get(f"/admins/{admin['id']}")
    assert left["organization_ids"] == [mine.ids["organization_id"]]
    await (await roles.caller("rao", mine)).get(f"/admins/{only['id']}", 404)
    nobody = roles.api.as_key(key["key"])
    assert await nobody.everything("/organizations") == []
    assert [each["id"] for each in await nobody.everything("/admins")] == [only["id"]]


async def test_a_profile_others_use_as_well_is_changed_by_an_mrao_only(two: Two) -> None:
    roles, mine, other = two
    path = f"/certificate-profiles/{mine.ids['certificate_profile_id']}"
    both = [mine.ids["organization_id"], other.ids["organization_id"]]
    await roles.api.patch(path, {"organization_ids": both})
    rao = await roles.caller("rao", mine)
    assert (await rao.get(path))["organization_ids"] == [mine.ids["organization_id"]]
    refused: list[Awaitable[Json]] = [
        rao.patch(path, {"description": "changed"}, 403),
        rao.patch(path, {"organization_ids": [mine.ids["organization_id"]]}, 403),
        rao.delete(path, 403),
    ]
    for answer in refused:
        assert "MRAO" in (await answer)["detail"]
    assert (await roles.api.get(path))["organization_ids"] == both


async def test_a_profile_stays_in_sight_of_who_manages_it(two: Two) -> None:
    roles, mine, other = two
    rao = await roles.caller("rao", mine)
    path = f"/certificate-profiles/{mine.ids['certificate_profile_id']}"
    problem = await rao.patch(path, {"organization_ids": []}, 422)
    assert faults_of(problem) == {("/organization_ids", "delegation-missing")}
    problem = await rao.patch(path, {"ca_backend_id": other.ids["ca_backend_id"]}, 422)
    assert ("/ca_backend_id", "reference-not-found") in faults_of(problem)
    problem = await rao.patch(path, {"certificate_type": "client"}, 403)
    assert "client" in problem["detail"]
    body = roles.estate.profile_body(mine.ids["ca_backend_id"])
    problem = await rao.post("/certificate-profiles", body, 422)
    assert faults_of(problem) == {("/organization_ids", "delegation-missing")}


async def test_what_uses_a_profile_is_named_as_far_as_it_is_seen(two: Two) -> None:
    roles, mine, other = two
    path = f"/certificate-profiles/{mine.ids['certificate_profile_id']}"
    own, both = [mine.ids["organization_id"]], [place.ids["organization_id"] for place in two[1:]]
    await roles.api.patch(path, {"organization_ids": both})
    body = order(other.ids["organization_id"], mine.ids["certificate_profile_id"])
    await roles.api.post("/enrollments", body, 202)
    await roles.api.patch(path, {"organization_ids": own})
    problem = await (await roles.caller("rao", mine)).delete(path, 409)
    assert (code_of(problem), problem.get("used_by")) == ("in-use", None)
    assert len((await roles.api.delete(path, 409))["used_by"]) == 1


async def test_audit_events_are_of_ones_own_types(two: Two) -> None:
    roles, mine, _ = two
    body = order(mine.ids["organization_id"], mine.ids["certificate_profile_id"])
    await roles.api.post("/enrollments", body, 202)

    async def kinds(api: Api) -> set[str]:
        return {event["subject_kind"] for event in await api.everything("/audit-events")}

    assert await kinds(await roles.caller("rao", mine)) == {"organization", "enrollment"}
    client = await roles.caller("rao", mine, types=("client",))
    assert await kinds(client) == {"organization"}
