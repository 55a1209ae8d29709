"""Who asks for too much is told when to come back; nobody else notices."""

import pytest

from api_client import Api, Contract, code_of
from estate import Estate
from running import StartApi
from scm_api.core.errors import RateLimited, Unauthenticated
from scm_api.core.rate_limit import Rate
from scm_api.db.session import Database
from scm_api.settings import Settings
from scm_api.web.auth import CACHE_SECONDS, Authenticator
from scm_api.web.rate_limits import RateLimit

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


async def test_t67_a_key_that_changes_too_much_waits_and_others_do_not(
    estate: Estate, start_api: StartApi, settings: Settings, contract: Contract
) -> None:
    _, other = await estate.api_key()
    limits = {"rate_limit_per_second": 0.01, "rate_limit_burst": 2}
    async with start_api(settings.model_copy(update=limits)) as app:
        flooding = Api(app, contract, estate.api.key)
        for _ in range(2):
            await flooding.post("/connectors", {}, 422)
        for method, path in (("POST", "/connectors"), ("DELETE", "/connectors/none")):
            refused = await flooding.send(method, path, 429, json={"name": "one more"})
            assert code_of(refused.json()) == "rate-limited"
            assert 90 < int(refused.headers["Retry-After"]) <= 100
            assert refused.elapsed.total_seconds() > 0.2  # asking again at once costs little
        assert await flooding.get("/connectors") == await flooding.get("/connectors")
        await flooding.send("HEAD", "/connectors")
        await flooding.as_key(other["key"]).post("/connectors", {}, 422)


async def test_t49_addresses_that_send_wrong_keys_are_told_so(
    estate: Estate, start_api: StartApi, settings: Settings, contract: Contract
) -> None:
    async with start_api(settings.model_copy(update={"wrong_keys_per_minute": 2})) as app:
        guessing = Api(app, contract, "scm_wrong")
        await guessing.get("/connectors", 401)
        await guessing.post("/connectors", {}, 401)
        refused = await guessing.send("GET", "/connectors", 429)
        assert code_of(refused.json()) == "rate-limited"
        assert 20 < int(refused.headers["Retry-After"]) <= 30
        await Api(app, contract, None).get("/connectors", 401)


async def test_t49_wrong_keys_shut_no_neighbour_out(estate: Estate, database: Database) -> None:
    """Those behind the same address whose key was right lately, though it is looked up again."""
    now = 100.0
    limit = RateLimit("wrong keys", Rate(per_second=0.1, burst=3), "", held=0, clock=lambda: now)
    keys = Authenticator(database, limit, clock=lambda: now)
    neighbour, newcomer = estate.api.key or "", (await estate.api_key())[1]["key"]
    await keys.principal(neighbour, HERE)
    for number in range(3):
        with pytest.raises(Unauthenticated):
            await keys.principal(f"scm_{number}", HERE)
    now += CACHE_SECONDS + 0.1
    await keys.principal(neighbour, HERE)
    with pytest.raises(RateLimited):
        await keys.principal(newcomer, HERE)
    await keys.principal(newcomer, ELSEWHERE)


async def test_t49_a_key_that_is_right_no_more_counts_as_wrong(
    estate: Estate, database: Database
) -> None:
    now = 100.0
    limit = RateLimit("wrong keys", Rate(per_second=0.01, burst=1), "", held=0, clock=lambda: now)
    keys = Authenticator(database, limit, clock=lambda: now)
    _, made = await estate.api_key()
    await keys.principal(made["key"], HERE)
    await estate.api.delete(f"/api-keys/{made['id']}")
    now += CACHE_SECONDS + 0.1
    with pytest.raises(Unauthenticated):
        await keys.principal(made["key"], HERE)
    with pytest.raises(RateLimited):
        await keys.principal(made["key"], HERE)
