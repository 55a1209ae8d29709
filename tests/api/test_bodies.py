"""Bodies: JSON that says so, each member once; what is wrong is told in words of ours."""

import gzip
from typing import Any

import pytest
from resources import EDITABLE, Resource

from api_client import Api, Contract, code_of, faults_of
from estate import Estate, Json
from scm_api.web.examples import PATH_PARAMETERS

JSON = {"Content-Type": "application/json"}
NAMED = b'{"name":"a"}'


async def detail_of(api: Api, path: str, content: bytes, status: int) -> str:
    """What a refused POST says."""
    response = await api.send("POST", path, status, content=content, headers=JSON)
    detail: str = response.json()["detail"]
    return detail


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "at character 1"),
        (b"nul", "at character 0"),
        (b'{"name": "a",}', "at character"),
        (b"{'name': 'a'}", "at character 1"),
        (b'{"name": NaN}', "NaN is no number"),
        (b'{"name": "\xff"}', "not UTF-8 (at byte 10)"),
        (NAMED.decode().encode("utf-16"), "not UTF-8"),
        (gzip.compress(NAMED), "not UTF-8"),
        (b"[" * 100_000, "inside each other"),
        (b'{"name": ' + b"1" * 6000 + b"}", "more digits"),
        (b'{"name": "a", "description": "", "name": "b"}', '"name" twice'),
    ],
    ids=[
        "open",
        "word",
        "comma",
        "quotes",
        "nan",
        "latin-1",
        "utf-16",
        "gzip",
        "deep",
        "digits",
        "twice",
    ],
)
async def test_t77_a_body_that_is_no_json(api: Api, content: bytes, words: str) -> None:
    response = await api.send("POST", "/connectors", 400, content=content, headers=JSON)
    assert code_of(response.json()) == "malformed-json"
    assert words in response.json()["detail"]
    assert await api.everything("/connectors") == []


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/merge-patch+json",
        "application/problem+json",
        "application/json; charset=latin1",
        "application/jsonp",
        "json",
        None,
    ],
)
async def test_t77_a_body_that_does_not_say_it_is_json(api: Api, media: str | None) -> None:
    headers = {"Content-Type": media} if media else {}
    response = await api.send("POST", "/connectors", 415, content=NAMED, headers=headers)
    assert faults_of(response.json()) == {("header/Content-Type", "unsupported-media-type")}
    [fault] = response.json()["errors"]
    assert fault["accepted"] == "application/json, with or without charset=utf-8"
    assert response.headers["accept"] == "application/json"
    assert await api.everything("/connectors") == []


@pytest.mark.parametrize(
    "media",
    ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"'],
)
async def test_json_by_its_names(api: Api, media: str) -> None:
    headers = {"Content-Type": media}
    await api.send("POST", "/connectors", 201, content=NAMED, headers=headers)


async def test_a_compressed_body_is_refused(api: Api) -> None:
    headers = JSON | {"Content-Encoding": "gzip"}
    content = gzip.compress(NAMED)
    response = await api.send("POST", "/connectors", 415, content=content, headers=headers)
    assert faults_of(response.json()) == {("header/Content-Encoding", "unsupported-media-type")}
    assert response.headers["accept-encoding"] == "identity"


async def test_a_merge_patch_changes_nothing(estate: Estate) -> None:
    """It would keep what a PATCH of ours replaces (RFC 7396)."""
    chain = await estate.chain()
    path = f"/certificate-profiles/{chain.profile['id']}"
    headers = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}
    content = b'{"domain_policy":{"wildcard":true}}'
    response = await estate.api.send("PATCH", path, 415, content=content, headers=headers)
    assert response.headers["accept-patch"] == "application/json"
    assert (await estate.api.get(path))["domain_policy"] == chain.profile["domain_policy"]


async def test_whoever_takes_a_body_promises_415(contract: Contract) -> None:
    for path, operations in contract.document["paths"].items():
        for method, operation in operations.items():
            takes_body = "requestBody" in operation
            assert ("415" in operation["responses"]) is takes_body, (method, path)


async def fault_of(api: Api, path: str, body: Any, status: int = 422) -> Any:
    """The only fault of a POST."""
    [fault] = (await api.post(path, body, status))["errors"]
    return fault


async def test_no_body_at_all(api: Api) -> None:
    response = await api.send("POST", "/connectors", 422)
    [fault] = response.json()["errors"]
    assert fault["pointer"] == ""
    assert fault["detail"] == "The request has no body."
    assert fault["accepted"] == "a JSON object with name, kind, description"
    assert (await fault_of(api, "/connectors", []))["accepted"] == fault["accepted"]


async def test_of_a_union_the_fields_are_told_once_its_kind_is_known(estate: Estate) -> None:
    connector = await estate.connector()
    path = f"/connectors/{connector['id']}/local-ca-backends"
    body: Json = {"name": "local"} | estate.connection() | {"secrets": "x"}
    assert (await fault_of(estate.api, path, body))["accepted"] == "a JSON object"


async def test_unknown_fields_are_told_with_those_there_are(estate: Estate) -> None:
    fault = await fault_of(estate.api, "/connectors", {"name": "a", "nam": "b"})
    assert fault["accepted"] == "name, kind, description"
    connector = await estate.connector()
    path = f"/connectors/{connector['id']}/local-ca-backends"
    body: Json = {"name": "local"} | estate.connection()
    body["options"] |= {"credentials": {"mode": "static_keys", "keys": 1}}
    fault = await fault_of(estate.api, path, body)
    assert fault["pointer"] == "/options/credentials/keys"
    assert fault["accepted"] == "mode"


async def test_a_missing_discriminator_is_told_with_its_choices(estate: Estate) -> None:
    connector = await estate.connector()
    path = f"/connectors/{connector['id']}/local-ca-backends"
    body: Json = {"name": "local"} | estate.connection()
    del body["options"]["backend_type"]
    fault = await fault_of(estate.api, path, body)
    assert fault["pointer"] == "/options/backend_type"
    assert code_of(fault) == "field-required"
    assert fault["accepted"] == "aws, digicert, entrust, gcp, microsoft"


async def test_half_a_credential_is_told_by_the_names_of_its_fields(estate: Estate) -> None:
    connector = await estate.connector()
    path = f"/connectors/{connector['id']}/local-ca-backends"
    half = {"backend_type": "aws", "access_key_id": "AKIAIOSFODNN7EXAMPLE"}
    body: Json = {"name": "local"} | estate.connection() | {"secrets": half}
    fault = await fault_of(estate.api, path, body)
    assert fault["detail"].startswith("access_key_id and secret_access_key")


async def test_what_is_missing_or_of_a_wrong_form_is_answered_with_an_example(
    estate: Estate,
) -> None:
    path = f"/connectors/{(await estate.connector())['id']}/local-ca-backends"
    aws = {"backend_type": "aws", "endpoint_url": "http://pca.example.com"}
    for options, pointer, end in (
        (aws, "/options/region", "a value such as eu-central-1"),
        (aws | {"region": "Frankfurt"}, "/options/region", "$, such as eu-central-1"),
        (aws, "/options/endpoint_url", ".vpce.amazonaws.com"),
    ):
        problem = await estate.api.post(path, {"name": "a", "options": options}, 422)
        told = {fault["pointer"]: fault["accepted"] for fault in problem["errors"]}
        assert told[pointer].endswith(end)


async def test_values_of_a_wrong_kind_are_told_without_a_word_of_python(estate: Estate) -> None:
    chain = await estate.chain()
    body = {
        "organization_id": 1,
        "certificate_profile_id": "x",
        "term_days": "90",
        "names": [],
        "csr": ["x"],
        "not_after": "2030-13-01T00:00:00Z",
        "generate_key": {"key_type": "ec-p256", "password": "short", "format": "pem"},
        "order_options": {"backend_type": "aws"},
    }
    problem = await estate.api.post("/enrollments", body, 422)
    told = {fault["pointer"]: (fault["detail"], fault["accepted"]) for fault in problem["errors"]}
    an_id = "a UUID, such as 01980c5e-7a10-7c3e-9a51-2f0d3c6b8e10"
    assert told == {
        "/organization_id": ("This is not an id: ids are UUIDs.", an_id),
        "/certificate_profile_id": ("This is not an id: ids are UUIDs.", an_id),
        "/term_days": ("A whole number is needed here.", "a whole number"),
        "/names": ("There are too few.", "at least 1"),
        "/csr": ("Text is needed here.", "a JSON string"),
        "/not_after": (
            "There is no such time.",
            "a time as in RFC 3339, such as 2030-01-31T12:00:00Z",
        ),
        "/generate_key/password": ("The text is too short.", "at least 12 characters"),
        "/generate_key/format": ("This is not one of the possible values.", "pkcs8, pkcs12"),
        "/order_options/backend_type": (
            "This is not one of the possible values.",
            "digicert, entrust, microsoft",
        ),
    }
    assert chain.profile["id"] not in str(problem)


@pytest.mark.parametrize("resource", EDITABLE, ids=str)
async def test_null_is_refused_where_it_would_change_nothing(
    estate: Estate, contract: Contract, resource: Resource
) -> None:
    collection, body = await resource.collection(estate), await resource.body(estate)
    made = await estate.api.send("POST", collection, 201, json=body)
    path = made.headers["location"]
    operation = contract.operation("PATCH", path)
    assert operation
    schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    fields = contract.document["components"]["schemas"][schema.rpartition("/")[2]]["properties"]
    fixed = [
        name for name, field in fields.items() if {"type": "null"} not in field.get("anyOf", [])
    ]
    problem = await estate.api.patch(path, dict.fromkeys(fixed), 422)
    assert faults_of(problem) == {(f"/{name}", "null-not-allowed") for name in fixed}
    clearable = dict.fromkeys(fields.keys() - set(fixed))
    changed = await estate.api.patch(path, clearable)
    assert clearable.items() <= changed.items()
    assert set(clearable) == ({"rule", "max_valid_certificates"} if "rule" in fields else set())


async def test_null_for_a_setting_of_the_account(api: Api) -> None:
    problem = await api.patch("/account-settings", {"mrao_may_approve_own_requests": None}, 422)
    [fault] = problem["errors"]
    assert fault["detail"] == "Null would change nothing: this field always has a value."


@pytest.mark.parametrize(
    "action",
    [
        "/enrollments/{enrollment_id}/approve",
        "/enrollments/{enrollment_id}/retry",
        "/enrollments/{enrollment_id}/cancel",
        "/certificates/{certificate_id}/revocation/approve",
        "/certificates/{certificate_id}/revocation/cancel",
    ],
)
async def test_actions_that_need_no_member_need_no_body(
    api: Api, contract: Contract, action: str
) -> None:
    operation = contract.document["paths"][action]["post"]
    assert not operation["requestBody"].get("required")
    path = action.format(**PATH_PARAMETERS)
    for body in (b"", b"{}"):
        headers = {"If-Match": "*"} | (JSON if body else {})
        response = await api.send("POST", path, 404, content=body, headers=headers)
        assert code_of(response.json()) == "not-found"
