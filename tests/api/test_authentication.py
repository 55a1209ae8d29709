"""Who may call: keys that are not known, no longer valid, or no longer anybody's."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import func, update

from api_client import Api, Contract, code_of, faults_of
from estate import Estate
from running import StartApi
from scm_api.core.errors import Unauthenticated
from scm_api.db.models import ApiKey
from scm_api.db.session import Database
from scm_api.settings import Settings
from scm_api.web.auth import CACHE_SECONDS, Authenticator

PUBLIC = {"get_liveness", "get_readiness", "get_metrics"}
ANY_ID = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e10"


async def test_t47_every_operation_asks_who_calls(api: Api, contract: Contract) -> None:
    nobody = api.as_key(None)
    asked = 0
    for path, operations in contract.document["paths"].items():
        concrete = "/".join(ANY_ID if part.startswith("{") else part for part in path.split("/"))
        for method, operation in operations.items():
            if operation["operationId"] in PUBLIC:
                continue
            assert operation["security"] == [{"ApiKey": []}]
            response = await nobody.send(method.upper(), concrete, 401)
            assert response.headers["www-authenticate"].startswith("Bearer")
            asked += 1
    assert asked > 40


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer scm_wrong",
        "Basic c2NtOng=",
        "scm_wrong",
        "Bearer a b",
        "Bearer Bearer scm_wrong",
        "Bearer \xff",
    ],
)
async def test_keys_that_are_none(api: Api, header: str) -> None:
    nobody = api.as_key(None)
    headers = {"Authorization": header.encode("latin-1")}
    response = await nobody.send("GET", "/connectors", 401, headers=headers)
    assert code_of(response.json()) == "unauthenticated"


async def test_a_key_that_is_pasted_with_its_scheme_is_told_so(api: Api) -> None:
    problem = (await api.as_key("Bearer twice").send("GET", "/connectors", 401)).json()
    assert "comes the key alone" in problem["detail"]


async def test_t48_a_revoked_key_is_refused_at_once(estate: Estate) -> None:
    _, key = await estate.api_key()
    caller = estate.api.as_key(key["key"])
    await caller.get("/connectors")
    await estate.api.delete(f"/api-keys/{key['id']}")
    assert code_of(await caller.get("/connectors", 401)) == "unauthenticated"


async def test_t48_other_processes_follow_within_five_seconds(
    estate: Estate, database: Database
) -> None:
    """Another process's authenticator, with a clock of its own."""
    assert CACHE_SECONDS <= 5
    now = 100.0
    elsewhere = Authenticator(database, clock=lambda: now)
    admin, key = await estate.api_key()
    assert (await elsewhere.principal(key["key"])).name == admin["name"]
    await estate.api.delete(f"/api-keys/{key['id']}")
    now += CACHE_SECONDS - 0.1
    await elsewhere.principal(key["key"])
    now += 0.2
    with pytest.raises(Unauthenticated):
        await elsewhere.principal(key["key"])


async def test_t48_an_inactive_admin_is_refused_until_active_again(estate: Estate) -> None:
    admin, key = await estate.api_key()
    caller = estate.api.as_key(key["key"])
    await caller.get("/connectors")
    await estate.api.patch(f"/admins/{admin['id']}", {"active": False})
    await caller.get("/connectors", 401)
    await estate.api.patch(f"/admins/{admin['id']}", {"active": True})
    await caller.get("/connectors")
    await estate.api.delete(f"/admins/{admin['id']}")
    await caller.get("/connectors", 401)


async def test_a_key_expires_by_the_clock_of_the_database(
    estate: Estate, database: Database
) -> None:
    admin, _ = await estate.api_key()
    body = {"admin_id": admin["id"], "name": "short", "expires_at": "2099-01-01T00:00:00Z"}
    key = await estate.api.post("/api-keys", body)
    assert key["expires_at"] == body["expires_at"]
    caller = Authenticator(database)
    await caller.principal(key["key"])
    ended = update(ApiKey).where(ApiKey.id == UUID(key["id"])).values(expires_at=func.now())
    async with database.transaction() as session:
        await session.execute(ended)
    caller.forget()
    with pytest.raises(Unauthenticated):
        await caller.principal(key["key"])
    for passed in ("2020-01-01T00:00:00Z", datetime.now(UTC).isoformat()):
        problem = await estate.api.post("/api-keys", body | {"expires_at": passed}, 422)
        assert faults_of(problem) == {("/expires_at", "time-passed")}


async def test_two_processes_know_the_same_keys(
    estate: Estate, start_api: StartApi, settings: Settings, contract: Contract
) -> None:
    async with start_api(settings) as other:
        connector = await estate.connector()
        path = f"/connectors/{connector['id']}"
        assert await Api(other, contract, estate.api.key).get(path) == connector
