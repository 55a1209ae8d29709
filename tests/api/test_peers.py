"""Who makes, changes and removes whom, and by which keys."""

from datetime import UTC, datetime, timedelta

import pytest
from role_estate import EVERYTHING, Place, RoleEstate, rights

from api_client import Api, code_of, faults_of
from estate import Estate, Json


@pytest.fixture
async def roles(estate: Estate) -> RoleEstate:
    return RoleEstate(estate)


@pytest.fixture
async def mine(roles: RoleEstate) -> Place:
    """An organization without anything in it."""
    organization = await roles.estate.organization()
    return Place(department=False, ids={"organization_id": organization["id"]})


def new(email: str, **limits: object) -> Json:
    return {"name": email.partition("@")[0], "email": email, **limits}


async def test_limits_are_kept_as_given_and_an_mrao_has_them_all(
    roles: RoleEstate, mine: Place
) -> None:
    here = mine.ids["organization_id"]
    given = rights("rao", here, types=("device", "ssl"), privileges=["revoke", "enroll"])
    admin = await roles.api.post("/admins", new("bea@example.com", **given))
    assert admin["certificate_types"] == ["ssl", "device"]
    assert admin["privileges"] == ["enroll", "revoke"]
    path = f"/admins/{admin['id']}"
    assert await roles.api.get(path) == admin
    assert admin in await roles.api.everything("/admins")
    promoted = await roles.api.patch(path, {"role": "mrao"})
    assert promoted["organization_ids"] == []
    assert promoted["privileges"] == EVERYTHING
    assert promoted in await roles.api.everything("/admins")
    [event, *_] = await roles.api.everything("/audit-events")
    assert event["details"]["rights"]["role"] == "mrao"


async def test_limits_have_to_fit_the_role(roles: RoleEstate, mine: Place) -> None:
    here = mine.ids["organization_id"]
    at = f"/organizations/{here}/departments"
    department = (await roles.api.post(at, {"name": "department"}))["id"]

    async def faults(**limits: object) -> set[tuple[str, str]]:
        return faults_of(await roles.api.post("/admins", new("b@example.com", **limits), 422))

    wrong = {("/organization_ids/0", "limit-not-for-role")}
    assert await faults(**rights("rao", department, privileges=[])) == wrong
    assert await faults(**rights("drao", here, privileges=[])) == wrong
    assert await faults(role="rao") == {
        ("/organization_ids", "field-required"),
        ("/certificate_types", "field-required"),
    }
    assert await faults(role="mrao", privileges=["enroll"], organization_ids=[here]) == {
        ("/organization_ids", "limit-not-for-role"),
        ("/privileges", "limit-not-for-role"),
    }
    assert await faults(role="boss") == {("/role", "not-a-choice")}
    admin, _ = await roles.estate.api_key()
    problem = await roles.api.patch(f"/admins/{admin['id']}", {"role": "drao"}, 422)
    assert len(faults_of(problem)) == 2


async def test_t38_nobody_grows_by_making_or_changing_admins(
    roles: RoleEstate, mine: Place
) -> None:
    here = mine.ids["organization_id"]
    limited = ["enroll", "create_peers"]
    admin, key = await roles.estate.api_key(**rights("rao", here, privileges=limited))
    rao = roles.api.as_key(key["key"])
    peer = await rao.post(
        "/admins", new("peer@example.com", **rights("rao", here, privileges=["enroll"]))
    )
    escalations = [
        {"role": "mrao"},
        rights("rao", here, privileges=["revoke"]),
        rights("rao", here, types=("ssl", "client"), privileges=[]),
    ]
    for number, more in enumerate(escalations):
        for answer in (
            await rao.post("/admins", new(f"more{number}@example.com", **more), 403),
            await rao.patch(f"/admins/{peer['id']}", more, 403),
            await rao.patch(f"/admins/{admin['id']}", more, 403),
        ):
            assert code_of(answer) == "privilege-escalation", more
    strong, _ = await roles.estate.api_key(**rights("rao", here, privileges=EVERYTHING))
    for refused in (
        await rao.patch(f"/admins/{strong['id']}", {"active": False}, 403),
        await rao.delete(f"/admins/{strong['id']}", 403),
        await rao.post("/api-keys", {"admin_id": strong["id"], "name": "key"}, 403),
    ):
        assert code_of(refused) == "forbidden"
        assert "revoke" in refused["detail"]


async def test_t38_a_key_is_no_more_than_its_owner_or_maker(roles: RoleEstate, mine: Place) -> None:
    here = mine.ids["organization_id"]
    elsewhere = (await roles.estate.organization())["id"]
    admin, key = await roles.estate.api_key(
        **rights("rao", here, privileges=["enroll", "create_peers"])
    )

    async def refused(api: Api, **scope: object) -> None:
        body = {"admin_id": admin["id"], "name": "more"} | scope
        assert code_of(await api.post("/api-keys", body, 403)) == "privilege-escalation"

    for scope in (
        rights("mrao", privileges=[]),
        rights("rao", elsewhere, privileges=[]),
        rights("rao", here, privileges=["revoke"]),
        rights("rao", here, types=("device",), privileges=[]),
    ):
        await refused(roles.api, scope=scope)
    own = roles.api.as_key(key["key"])
    weak = await own.post(
        "/api-keys",
        {"admin_id": admin["id"], "name": "weak", "scope": rights("rao", here, privileges=[])},
    )
    assert weak["scope"]["privileges"] == []
    await refused(roles.api.as_key(weak["key"]))
    await refused(roles.api.as_key(weak["key"]), scope=rights("rao", here, privileges=["enroll"]))


async def test_t38_a_key_grows_with_its_owner_only_where_nobody_grows_by_it(
    roles: RoleEstate, mine: Place
) -> None:
    given = rights("rao", mine.ids["organization_id"], privileges=["enroll", "create_peers"])
    admin, key = await roles.estate.api_key(**given)
    peer, _ = await roles.estate.api_key(**given)
    rao = roles.api.as_key(key["key"])
    asked: Json = {"admin_id": peer["id"], "name": "for the peer"}
    copied = await rao.post("/api-keys", asked)
    assert copied["scope"] == given
    own = await rao.post("/api-keys", asked | {"admin_id": admin["id"], "scope": given})
    again = await roles.api.as_key(own["key"]).post("/api-keys", asked | {"admin_id": admin["id"]})
    assert again["scope"] == given
    assert (await rao.post("/api-keys", asked | {"admin_id": admin["id"]}))["scope"] is None
    await roles.api.patch(f"/admins/{peer['id']}", {"role": "mrao"})
    assert await roles.api.as_key(copied["key"]).everything("/connectors") == []
    await roles.api.as_key(copied["key"]).post("/connectors", {"name": "c"}, 403)


async def test_t38_a_key_that_ends_makes_none_that_outlives_it(roles: RoleEstate) -> None:
    admin, _ = await roles.estate.api_key()
    ends = datetime.now(UTC) + timedelta(hours=1)
    body = {"admin_id": admin["id"], "name": "short", "expires_at": ends.isoformat()}
    short = roles.api.as_key((await roles.api.post("/api-keys", body))["key"])
    later = {"expires_at": (ends + timedelta(hours=1)).isoformat()}
    for longer in (later, {"expires_at": None}):
        problem = await short.post("/api-keys", body | longer, 403)
        assert code_of(problem) == "privilege-escalation"
    await short.post("/api-keys", body)


async def test_a_scoped_key_of_an_mrao_acts_as_its_scope_says(
    roles: RoleEstate, mine: Place
) -> None:
    here = mine.ids["organization_id"]
    other = (await roles.estate.organization())["id"]
    admin, _ = await roles.estate.api_key()

    async def key(scope: Json) -> Api:
        body = {"admin_id": admin["id"], "name": "scoped", "scope": scope}
        made = await roles.api.post("/api-keys", body)
        assert (await roles.api.get(f"/api-keys/{made['id']}"))["scope"] == scope
        return roles.api.as_key(made["key"])

    service = await key(rights("rao", here, privileges=["enroll"]))
    assert [each["id"] for each in await service.everything("/organizations")] == [here]
    await service.get(f"/organizations/{other}", 404)
    assert "RAO" in (await service.post("/connectors", {"name": "c"}, 403))["detail"]

    reader = await key(rights("mrao", privileges=[]))
    assert {each["id"] for each in await reader.everything("/organizations")} == {here, other}
    assert "scope" in (await reader.post("/connectors", {"name": "c"}, 403))["detail"]
    assert "create_peers" in (await reader.post("/admins", new("x@example.com"), 403))["detail"]

    await roles.api.patch(f"/admins/{admin['id']}", rights("rao", other, privileges=[]))
    assert await service.everything("/organizations") == []
    assert [each["id"] for each in await reader.everything("/organizations")] == [other]
    assert "RAO" in (await reader.post("/connectors", {"name": "c"}, 403))["detail"]


async def test_a_key_revokes_none_of_its_owners_that_may_more(
    roles: RoleEstate, mine: Place
) -> None:
    here = mine.ids["organization_id"]
    admin, first = await roles.estate.api_key(**rights("rao", here, privileges=["enroll"]))

    async def scoped(*privileges: str) -> Json:
        scope = rights("rao", here, privileges=[*privileges])
        body = {"admin_id": admin["id"], "name": "scoped", "scope": scope}
        made: Json = await roles.api.post("/api-keys", body)
        return made

    weak, strong = await scoped(), await scoped("enroll")
    caller = roles.api.as_key(weak["key"])
    for more in (first, strong):
        assert "enroll" in (await caller.delete(f"/api-keys/{more['id']}", 403))["detail"]
    await roles.api.patch(f"/admins/{admin['id']}", {"privileges": []})
    await caller.delete(f"/api-keys/{strong['id']}")
    await caller.delete(f"/api-keys/{weak['id']}")
    await caller.get("/organizations", 401)


async def test_own_keys_need_no_privilege(roles: RoleEstate, mine: Place) -> None:
    here = mine.ids["organization_id"]
    admin, key = await roles.estate.api_key(**rights("rao", here, privileges=[]))
    other, _ = await roles.estate.api_key(**rights("rao", here, privileges=[]))
    own = roles.api.as_key(key["key"])
    second = await own.post("/api-keys", {"admin_id": admin["id"], "name": "second"})
    await own.delete(f"/api-keys/{second['id']}")
    problem = await own.post("/api-keys", {"admin_id": other["id"], "name": "third"}, 403)
    assert "create_peers" in problem["detail"]


async def test_an_rao_takes_no_rights_from_itself(roles: RoleEstate, mine: Place) -> None:
    here = mine.ids["organization_id"]
    admin, key = await roles.estate.api_key(**rights("rao", here, privileges=EVERYTHING))
    own, path = roles.api.as_key(key["key"]), f"/admins/{admin['id']}"
    for less in ({"privileges": ["create_peers"]}, {"active": False}):
        assert code_of(await own.patch(path, less, 409)) == "own-rights"
    assert code_of(await own.delete(path, 409)) == "own-rights"
    await own.patch(path, {"name": "Bea King", "privileges": EVERYTHING})
    await roles.api.patch(path, {"privileges": []})


async def test_the_last_mrao_is_not_made_less(roles: RoleEstate, mine: Place) -> None:
    [ada] = await roles.api.everything("/admins?email=ada@example.com")
    path, less = f"/admins/{ada['id']}", rights("rao", mine.ids["organization_id"], privileges=[])
    assert code_of(await roles.api.patch(path, less, 409)) == "last-mrao"
    _, key = await roles.estate.api_key()
    await roles.api.patch(path, less)
    rao, other = roles.api, roles.api.as_key(key["key"])
    assert "RAO" in (await rao.post("/connectors", {"name": "c"}, 403))["detail"]
    [last] = [each for each in await other.everything("/admins") if each["role"] == "mrao"]
    await rao.delete(f"/admins/{last['id']}", 404)  # not told that it is the last one
