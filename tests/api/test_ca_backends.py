"""CA backends: their status, and what the CA offers."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import text, update

from api_client import code_of, moment
from estate import NOWHERE, Estate, Json
from memory_estate import memory_chain
from scm_api.core.errors import Conflict
from scm_api.core.vocabulary import BackendStatus, BackendType
from scm_api.db.models import CaChoices, LocalCaBackend
from scm_api.db.session import Database
from scm_api.gateway.choices import Choice, choices
from scm_api.gateway.connections import connection_of
from scm_api.gateway.health import record_health
from scm_api.sandbox import aws
from scm_api.web.deps import Resources
from simulator import DISABLED, EC_ISSUING, Simulator

LIST = "ListCertificateAuthorities"


async def status_changes(estate: Estate) -> list[tuple[str, str]]:
    """Every recorded change of status, oldest first."""
    events = await estate.api.everything("/audit-events?action=ca_backend.status_changed")
    return [(event["details"]["from"], event["details"]["to"]) for event in events][::-1]


async def age(database: Database) -> None:
    """What is kept of the CA's lists becomes six minutes older."""
    earlier = CaChoices.fetched_at - timedelta(minutes=6)
    async with database.transaction() as session:
        await session.execute(update(CaChoices).values(fetched_at=earlier))


async def test_a_check_tells_the_status_and_why(estate: Estate) -> None:
    api = estate.api
    made = await estate.ca_backend()
    path = f"/ca-backends/{made['id']}"
    unknown = {"status": "unchecked", "status_detail": "", "checked_at": None, "visible_cas": None}
    assert unknown.items() <= made.items()
    checked = await api.post(f"{path}/check", status=200)
    assert checked["status"] == "available"
    assert checked["visible_cas"] > 0
    assert any("DISABLED" in finding for finding in checked["findings"])
    assert checked["version"] == made["version"], "a check is no change of the backend"
    assert await api.get(path) == checked
    again = await api.post(f"{path}/check", status=200)
    assert datetime.fromisoformat(again["checked_at"]) > datetime.fromisoformat(
        checked["checked_at"]
    )
    assert await status_changes(estate) == [("unchecked", "available")]


async def test_a_check_of_a_ca_that_is_away_or_refuses(estate: Estate) -> None:
    api = estate.api
    local = await estate.local_ca_backend()
    backend = await estate.ca_backend(local["id"])
    local_path = f"/connectors/{local['connector_id']}/local-ca-backends/{local['id']}"

    async def check() -> Json:
        found: Json = await api.post(f"/ca-backends/{backend['id']}/check", status=200)
        return found

    await check()
    wrong = estate.connection()["secrets"] | {"secret_access_key": "not-the-secret"}
    await api.patch(local_path, {"secrets": wrong})
    refused = await check()
    assert refused["status"] == "refused"
    assert refused["status_detail"]
    assert "not-the-secret" not in str(refused)
    await api.patch(local_path, estate.connection(NOWHERE))
    offline = await check()
    assert offline["status"] == "offline"
    assert offline["visible_cas"] == refused["visible_cas"], "the last known number stays"
    await api.patch(local_path, estate.connection())
    assert (await check())["status"] == "available"
    steps = ["unchecked", "available", "refused", "offline", "available"]
    assert await status_changes(estate) == list(pairwise(steps))


async def test_checks_at_once_record_one_change(estate: Estate) -> None:
    backend = await estate.ca_backend()
    path = f"/ca-backends/{backend['id']}/check"
    await asyncio.gather(*(estate.api.post(path, status=200) for _ in range(8)))
    assert await status_changes(estate) == [("unchecked", "available")]


async def test_outcomes_recorded_at_once_are_one_change(estate: Estate, database: Database) -> None:
    """As workers do that find the same CA away at the same moment."""
    backend = await estate.ca_backend()

    async def found_offline() -> None:
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
            await ready.wait()
            await record_health(
                session, UUID(backend["id"]), BackendStatus.OFFLINE, "away", local_version=1
            )

    ready = asyncio.Barrier(5)
    await asyncio.gather(*(found_offline() for _ in range(5)))
    assert await status_changes(estate) == [("unchecked", "offline")]


async def test_a_check_of_a_hanging_ca_comes_to_an_end(
    estate: Estate, simulator: Simulator
) -> None:
    quick = estate.connection()
    quick["options"] |= {"read_timeout_seconds": 0.3, "call_timeout_seconds": 0.5}
    local = await estate.local_ca_backend(**quick)
    backend = await estate.ca_backend(local["id"])
    simulator.fault(LIST, "hang", count=None, seconds=5)
    checked = await estate.api.post(f"/ca-backends/{backend['id']}/check", status=200)
    assert checked["status"] == "offline"


async def test_the_types_are_described_as_data(estate: Estate) -> None:
    found = await estate.api.get("/ca-backends/types")
    assert [item["type"] for item in found["items"]] == list(BackendType)
    described = found["items"][0]
    assert described["capabilities"]["certificate_types"] == ["ssl"]
    assert described["capabilities"]["token_validity_seconds"] == 60
    assert "private_ca" in described["profile_options"]["properties"]
    secret = described["secrets"]["properties"]["secret_access_key"]
    assert secret["anyOf"][0]["writeOnly"] is True


async def test_lists_of_the_ca_are_kept_for_a_while(
    estate: Estate, simulator: Simulator, database: Database
) -> None:
    api = estate.api
    backend = await estate.ca_backend()
    path = f"/ca-backends/{backend['id']}/issuing-cas"
    first = await api.get(path)
    calls = len(simulator.calls(LIST))
    by_id = {item["id"]: item for item in first["items"]}
    assert by_id[EC_ISSUING]["usable"] is True
    assert by_id[EC_ISSUING]["key_algorithm"] == "EC_prime256v1"
    assert by_id[DISABLED]["usable"] is False
    assert first["stale"] is False
    assert await api.get(path) == first
    assert len(simulator.calls(LIST)) == calls
    refreshed = await api.get(f"{path}?refresh=true")
    assert len(simulator.calls(LIST)) == 2 * calls
    assert moment(refreshed["fetched_at"]) > moment(first["fetched_at"])
    await age(database)
    await api.get(path)
    assert len(simulator.calls(LIST)) == 3 * calls


async def test_a_ca_that_is_away_is_stood_in_for_by_what_is_kept(
    estate: Estate, simulator: Simulator, database: Database
) -> None:
    api = estate.api
    backend = await estate.ca_backend()
    path = f"/ca-backends/{backend['id']}/issuing-cas"
    first = await api.get(path)
    simulator.fault(LIST, "error", status=503, count=None)
    stale = await api.get(f"{path}?refresh=true")
    assert stale == first | {"stale": True}
    await age(database)
    assert (await api.get(path))["stale"] is True
    simulator.heal()
    healed = await api.get(path)
    assert healed["stale"] is False
    assert healed["items"] == first["items"]


async def test_without_a_kept_list_an_absent_ca_is_said(
    estate: Estate, simulator: Simulator
) -> None:
    backend = await estate.ca_backend(url=NOWHERE)
    response = await estate.api.send("GET", f"/ca-backends/{backend['id']}/issuing-cas", 503)
    assert code_of(response.json()) == "ca-unavailable"
    assert int(response.headers["retry-after"]) >= 1
    wrong = estate.connection()
    wrong["secrets"] |= {"secret_access_key": "not-the-secret"}
    local = await estate.local_ca_backend(**wrong)
    refused = await estate.ca_backend(local["id"])
    problem = await estate.api.get(f"/ca-backends/{refused['id']}/issuing-cas", 502)
    assert code_of(problem) == "ca-refused"
    assert "not-the-secret" not in str(problem)


async def test_templates_say_what_they_allow(estate: Estate) -> None:
    backend = await estate.ca_backend()
    found = await estate.api.get(f"/ca-backends/{backend['id']}/templates")
    names = {item["name"]: item for item in found["items"]}
    assert "server authentication" in names["EndEntityServerAuthCertificate"]["allows"]


@pytest.mark.parametrize("kind", list(Choice))
async def test_a_type_without_such_a_list_says_so(
    estate: Estate, database: Database, kind: Choice
) -> None:
    backend = await estate.ca_backend()
    resources: Resources = estate.api.app.state.resources
    async with database.transaction() as session:
        connection = await connection_of(session, UUID(backend["id"]))
    plain = replace(connection.kind.capabilities, lists_issuing_cas=False, lists_templates=False)
    listless = replace(connection, kind=replace(connection.kind, capabilities=plain))
    with pytest.raises(Conflict) as caught:
        await choices(database, resources.gateway, listless, kind)
    assert caught.value.code == "not-supported"


async def test_what_uses_a_backend_keeps_it(estate: Estate) -> None:
    chain = await estate.chain()
    path = f"/ca-backends/{chain.ca_backend['id']}"
    problem = await estate.api.delete(path, 409)
    assert code_of(problem) == "in-use"
    assert problem["used_by"] == [
        {
            "kind": "certificate_profile",
            "id": chain.profile["id"],
            "name": chain.profile["name"],
        }
    ]
    await estate.api.delete(f"/certificate-profiles/{chain.profile['id']}")
    await estate.api.delete(path)


async def test_a_backend_goes_with_its_health_and_lists(estate: Estate) -> None:
    backend = await estate.ca_backend()
    path = f"/ca-backends/{backend['id']}"
    await estate.api.post(f"{path}/check", status=200)
    await estate.api.get(f"{path}/issuing-cas")
    await estate.api.delete(path)
    await estate.api.get(path, 404)
    await estate.api.post(f"{path}/check", status=404)


async def test_backends_are_found_by_what_they_are(estate: Estate) -> None:
    one, other = await estate.ca_backend(), await estate.ca_backend(url=NOWHERE)
    await estate.api.post(f"/ca-backends/{one['id']}/check", status=200)

    async def found(query: str) -> set[str]:
        return {item["id"] for item in await estate.api.everything(f"/ca-backends?{query}")}

    assert await found("backend_type=aws") == {one["id"], other["id"]}
    assert await found("status=available") == {one["id"]}
    assert await found("status=unchecked") == {other["id"]}
    assert await found(f"name={other['name']}") == {other["id"]}
    assert await found(f"local_ca_backend_id={one['local_ca_backend_id']}") == {one["id"]}


async def test_t62_a_secret_moved_to_another_row_does_not_open(
    estate: Estate, database: Database
) -> None:
    one, other = await estate.ca_backend(), await estate.ca_backend()
    async with database.transaction() as session:
        first = await session.get_one(LocalCaBackend, UUID(one["local_ca_backend_id"]))
        second = await session.get_one(LocalCaBackend, UUID(other["local_ca_backend_id"]))
        first.sealed_secrets, second.sealed_secrets = second.sealed_secrets, first.sealed_secrets
    for backend in (one, other):
        checked = await estate.api.post(f"/ca-backends/{backend['id']}/check", status=200)
        assert checked["status"] == "refused"
        assert "cannot be read" in checked["status_detail"]
    local_path = f"/connectors/{one['connector_id']}/local-ca-backends/{one['local_ca_backend_id']}"
    await estate.api.patch(local_path, {"secrets": estate.connection()["secrets"]})
    checked = await estate.api.post(f"/ca-backends/{one['id']}/check", status=200)
    assert checked["status"] == "available"
    assert aws.SECRET_ACCESS_KEY not in str(checked)


async def test_what_a_ca_calls_itself_is_kept_whatever_it_is(
    estate: Estate, database: Database
) -> None:
    """PostgreSQL takes neither NUL nor halves of surrogate pairs, which JSON can spell."""
    chain, authority = await memory_chain(estate, "ssl")
    authority.name = "a\0b\ud800"
    path = f"/ca-backends/{chain.ca_backend['id']}"
    listed = await estate.api.get(f"{path}/issuing-cas?refresh=true")
    assert [ca["name"] for ca in listed["items"]] == ["a\\x00b\\ud800"]
    async with database.transaction() as session:
        backend_id = UUID(chain.ca_backend["id"])
        found = ["\0 is its name"]
        status = BackendStatus.AVAILABLE
        await record_health(session, backend_id, status, "", local_version=1, findings=found)
    assert (await estate.api.get(path))["findings"] == ["\\x00 is its name"]


async def test_what_a_connection_showed_before_it_was_changed_is_not_noted(
    estate: Estate, database: Database
) -> None:
    chain = await estate.chain()
    backend_id = chain.ca_backend["id"]
    local = f"/connectors/{chain.connector['id']}/local-ca-backends/{chain.local_ca_backend['id']}"
    changed = await estate.api.patch(local, {"name": estate.name("renamed")})
    assert changed["version"] == 2
    await estate.api.post(f"/ca-backends/{backend_id}/check", status=200)
    async with database.transaction() as session:
        offline = BackendStatus.OFFLINE
        await record_health(session, UUID(backend_id), offline, "No answer.", local_version=1)
    assert (await estate.api.get(f"/ca-backends/{backend_id}"))["status"] == "available"
