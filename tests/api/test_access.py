"""Admins and API keys."""

import asyncio

import pytest
from sqlalchemy import text

from api_client import code_of, faults_of
from estate import Estate
from scm_api.access.provisioning import create_admin_with_key
from scm_api.core.errors import Invalid
from scm_api.db.session import Database
from settlement import Enrolling


async def myself(estate: Estate) -> str:
    """The id of the admin who calls."""
    [admin] = await estate.api.everything("/admins?email=ada@example.com")
    identity: str = admin["id"]
    return identity


async def test_a_key_is_shown_once_and_kept_as_digest(estate: Estate, database: Database) -> None:
    admin, created = await estate.api_key()
    key = created.pop("key")
    assert key.startswith(created["prefix"])
    assert len(key) > 40
    path = f"/api-keys/{created['id']}"
    assert await estate.api.get(path) == created
    assert await estate.api.everything(f"/api-keys?admin_id={admin['id']}") == [created]
    assert (await estate.api.as_key(key).get(path)) == created
    async with database.transaction() as session:
        rows = (await session.execute(text("SELECT api_keys::text FROM api_keys"))).scalars()
        assert key not in "".join(rows)


async def test_a_key_made_with_an_idempotency_key_is_not_kept_in_clear(
    estate: Estate, database: Database
) -> None:
    body = {"admin_id": await myself(estate), "name": "pipeline"}
    headers = {"Idempotency-Key": "once"}
    key = (await estate.api.post("/api-keys", body, headers=headers))["key"]
    assert (await estate.api.post("/api-keys", body, headers=headers))["key"] == key
    query = text("SELECT encode(body, 'escape') FROM idempotency_records")
    async with database.transaction() as session:
        kept = (await session.execute(query)).scalar_one()
    assert key not in kept


async def test_addresses_have_one_spelling(estate: Estate) -> None:
    admin = await estate.api.post("/admins", {"name": "Bea", "email": "bea@EXAMPLE.com"})
    assert admin["email"] == "bea@example.com"
    problem = await estate.api.post("/admins", {"name": "B", "email": "bea@example.com"}, 409)
    assert code_of(problem) == "email-taken"
    for wrong in ("bea", "@example.com", "bea@", "bea@*.example.com", "a b@example.com", "bea@\n"):
        problem = await estate.api.post("/admins", {"name": "B", "email": wrong}, 422)
        assert faults_of(problem) == {("/email", "name-invalid")}, wrong


async def test_the_last_active_mrao_stays(estate: Estate) -> None:
    api = estate.api
    path = f"/admins/{await myself(estate)}"
    idle, _ = await estate.api_key(active=False)
    for answer in (await api.patch(path, {"active": False}, 409), await api.delete(path, 409)):
        assert code_of(answer) == "last-mrao"
    await api.patch(path, {"name": "Ada King"})
    await api.patch(f"/admins/{idle['id']}", {"active": True})
    await api.patch(path, {"active": False})
    await api.get(path, 401)


async def test_two_who_switch_each_other_off_leave_one(estate: Estate) -> None:
    for _ in range(5):
        admin, key = await estate.api_key()
        mine, theirs = f"/admins/{await myself(estate)}", f"/admins/{admin['id']}"
        other = estate.api.as_key(key["key"])
        await other.get("/admins")
        off, headers = {"active": False}, {"If-Match": "*"}
        answers = await asyncio.gather(
            estate.api.send("PATCH", theirs, json=off, headers=headers),
            other.send("PATCH", mine, json=off, headers=headers),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        survivor = estate.api if answers[0].status_code == 200 else other
        active = await survivor.everything("/admins?active=true")
        assert len(active) == 1
        await survivor.patch(mine, {"active": True})
        await estate.api.patch(theirs, {"active": False})


async def test_an_admin_goes_with_the_keys_but_not_with_enrollments(estate: Estate) -> None:
    admin, key = await estate.api_key()
    await estate.api.delete(f"/admins/{admin['id']}")
    await estate.api.get(f"/api-keys/{key['id']}", 404)
    [event, *_] = await estate.api.everything("/audit-events")
    assert (event["action"], event["details"]["email"]) == ("admin.deleted", admin["email"])

    requester, their_key = await estate.api_key()
    chain = await estate.chain()
    caller = estate.api.as_key(their_key["key"])
    await Enrolling(caller, chain).enroll("www.example.com")
    problem = await estate.api.delete(f"/admins/{requester['id']}", 409)
    assert code_of(problem) == "in-use"
    assert problem["used_by"][0]["name"] == "www.example.com"
    await estate.api.patch(f"/admins/{requester['id']}", {"active": False})


@pytest.mark.parametrize("name", ["", "a" * 129, "Ada\nadmin.created", " Ada"])
async def test_the_command_line_takes_no_name_that_the_api_refuses(
    name: str, database: Database
) -> None:
    with pytest.raises(Invalid, match="1 to 128 visible characters"):
        await create_admin_with_key(database, name, "ada@example.com")
