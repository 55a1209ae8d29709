"""What cannot be read, is too long, or leads nowhere: a problem document, never a crash."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from api_client import Api, code_of, faults_of
from estate import Estate, Json

JSON = {"Content-Type": "application/json"}


async def _chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1024):
        yield b" " * 1024


async def test_a_body_over_the_limit(api: Api) -> None:
    limit = 256 * 1024
    announced = await api.send("POST", "/connectors", 413, content=b" " * (limit + 1))
    counted = await api.send("POST", "/connectors", 413, content=_chunks(limit + 1024))
    for response in (announced, counted):
        assert code_of(response.json()) == "body-too-large"
        assert str(limit) in response.json()["detail"]
    fitting = b'{"name":"fits"}'.ljust(limit)
    await api.send("POST", "/connectors", 201, content=fitting, headers=JSON)


async def test_addresses_that_lead_nowhere(api: Api) -> None:
    assert code_of(await api.get("/connector", 404)) == "not-found"
    assert code_of((await api.send("PUT", "/connectors", 405)).json()) == "method-not-allowed"
    problem = await api.get("/connectors/one", 400)
    assert code_of(problem) == "parameter-invalid"
    assert {pointer for pointer, _ in faults_of(problem)} == {"path/connector_id"}
    assert "one" not in problem["detail"]


@pytest.mark.parametrize("limit", ["0", "201", "-1", "ten", "1.5", "1000000000", "9" * 400])
async def test_t70_a_page_size_out_of_range(api: Api, limit: str) -> None:
    problem = await api.get(f"/connectors?limit={limit}", 400)
    assert code_of(problem) == "parameter-invalid"
    assert [fault["pointer"] for fault in problem["errors"]] == ["query/limit"]


@pytest.mark.parametrize(
    "name",
    ["", " ", " a", "a ", "a\n", "a\x00b", "a\u200bb", "a\u202eb", "\u00a0a", "a" * 129, "\ud800"],
    ids=[
        "empty",
        "blank",
        "before",
        "after",
        "line",
        "nul",
        "zwsp",
        "bidi",
        "nbsp",
        "long",
        "half",
    ],
)
async def test_t65_names_that_are_no_names(api: Api, name: str) -> None:
    body = b'{"name": "%s"}' % name.encode("unicode_escape").replace(b"\\x", b"\\u00")
    response = await api.send("POST", "/connectors", 422, content=body, headers=JSON)
    assert {pointer for pointer, _ in faults_of(response.json())} == {"/name"}


async def test_t66_names_are_text_and_come_back_as_text(api: Api) -> None:
    for name in ("<script>alert(1)</script>", "=cmd()", "'; DROP TABLE admins; --", "Zürich 東京"):
        made = await api.post("/connectors", {"name": name})
        assert made["name"] == name
        found = (await api.send("GET", "/connectors", 200, params={"name": name})).json()
        assert [item["id"] for item in found["items"]] == [made["id"]]


@pytest.mark.parametrize(
    "query",
    [
        "/connectors?name=%00",
        "/ca-backends?name=%00",
        "/ca-backends?status=unknown",
        "/ca-backends?local_ca_backend_id=1",
        "/certificate-profiles?enabled=perhaps",
        "/organizations?parent_id=x",
        "/admins?email=%00",
        "/api-keys?admin_id=x",
        "/audit-events?action=%00",
        "/audit-events?since=yesterday",
        "/audit-events?since=1700000000",
        "/audit-events?until=2030-01-31T12:00:00",
        "/audit-events?until=0001-01-01T00:00:00%2B14:00",
    ],
)
async def test_filters_that_cannot_be_meant(api: Api, query: str) -> None:
    problem = await api.get(query, 400)
    assert code_of(problem) == "parameter-invalid"
    name = query.partition("?")[2].partition("=")[0]
    assert {pointer for pointer, _ in faults_of(problem)} == {f"query/{name}"}


@pytest.mark.parametrize("query", ["/certificates?name=%00", "/certificates?spki_sha256=%00"])
async def test_t78_what_postgresql_cannot_store_is_no_crash(api: Api, query: str) -> None:
    assert code_of(await api.get(query, 400)) == "parameter-invalid"


async def test_pointers_lead_to_the_member_at_fault(estate: Estate) -> None:
    """Also inside unions, where pydantic's own paths hold names the body does not have."""
    connector = await estate.connector()
    path = f"/connectors/{connector['id']}/local-ca-backends"
    good: Json = {"name": "local"} | estate.connection()

    async def faults(**changes: object) -> set[tuple[str, str]]:
        return faults_of(await estate.api.post(path, good | changes, 422))

    options, secrets = good["options"], good["secrets"]
    assert await faults(options=options | {"region": "Frankfurt"}) == {
        ("/options/region", "invalid-value")
    }
    assert await faults(options=options | {"region~/": 1}) == {
        ("/options/region~0~1", "unknown-field")
    }
    assert await faults(options={"region": "eu-central-1"}) == {
        ("/options/backend_type", "field-required")
    }
    assert await faults(options=options | {"backend_type": "x25519"}) == {
        ("/options/backend_type", "not-a-choice")
    }
    half = {"backend_type": "aws", "access_key_id": "AKIAIOSFODNN7EXAMPLE"}
    assert await faults(secrets=half) == {("/secrets", "incomplete-credentials")}
    role = {"mode": "assumed_role"}
    assert await faults(options=options | {"credentials": role}, secrets=secrets) == {
        ("/options/credentials/role_arn", "field-required")
    }
    metadata = options | {"endpoint_url": "http://169.254.169.254"}
    assert await faults(options=metadata) == {("/options/endpoint_url", "endpoint-not-allowed")}


@pytest.mark.parametrize("key", ["", "a b", "ä", "a" * 129])
async def test_an_idempotency_key_that_is_none(api: Api, key: str) -> None:
    headers = {"Idempotency-Key": key.encode()}
    response = await api.send("POST", "/connectors", 400, json={"name": "a"}, headers=headers)
    assert faults_of(response.json()).pop()[0] == "header/Idempotency-Key"


async def test_references_to_nothing(estate: Estate) -> None:
    api = estate.api
    nothing = str(uuid4())
    backend = {"name": "a", "local_ca_backend_id": nothing}
    assert faults_of(await api.post("/ca-backends", backend, 422)) == {
        ("/local_ca_backend_id", "reference-not-found")
    }
    profile = estate.profile_body(nothing, organization_ids=[nothing])
    assert faults_of(await api.post("/certificate-profiles", profile, 422)) == {
        ("/ca_backend_id", "reference-not-found"),
        ("/organization_ids/0", "reference-not-found"),
    }
    key = {"admin_id": nothing, "name": "a"}
    problem = await api.post("/api-keys", key, 422)
    assert faults_of(problem) == {("/admin_id", "reference-not-found")}
    assert problem["errors"][0]["accepted"] == "the id of an admin you may use"
    for path in ("departments", "domains"):
        problem = await api.post(f"/organizations/{nothing}/{path}", {"name": "a.example"}, 404)
        assert code_of(problem) == "not-found"
        assert code_of(await api.get(f"/organizations/{nothing}/{path}", 404)) == "not-found"
    local = {"name": "local"} | estate.connection()
    await api.post(f"/connectors/{nothing}/local-ca-backends", local, 404)
    await api.get(f"/connectors/{nothing}/local-ca-backends", 404)
