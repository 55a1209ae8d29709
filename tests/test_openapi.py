"""The committed contract equals the code and keeps its promises in every operation."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scm_api.app import create_app
from scm_api.core.vocabulary import BackendType
from scm_api.settings import Settings
from scm_api.web.openapi import as_yaml

COMMITTED = Path(__file__).parents[1] / "openapi" / "openapi.yaml"
WITHOUT_KEY = {"get_liveness", "get_readiness", "get_metrics"}


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    # Ten times as fast as `safe_load`, and the same.
    loaded: dict[str, Any] = yaml.load(COMMITTED.read_text(), yaml.CSafeLoader)
    return loaded


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method != "parameters":
                yield f"{method.upper()} {path}", operation


def test_the_committed_contract_equals_the_code() -> None:
    made = as_yaml(create_app(Settings()))
    assert made == COMMITTED.read_text(), "run `make openapi`"


def test_t47_every_operation_has_a_security_decision(document: dict[str, Any]) -> None:
    for where, operation in _operations(document):
        wanted = [] if operation["operationId"] in WITHOUT_KEY else [{"ApiKey": []}]
        assert operation.get("security") == wanted, where


def test_every_creating_post_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    for where, operation in _operations(document):
        if where.startswith("POST") and "201" in operation["responses"]:
            headers = {parameter["name"] for parameter in operation["parameters"]}
            assert "Idempotency-Key" in headers, where


def test_every_update_needs_if_match(document: dict[str, Any]) -> None:
    for where, operation in _operations(document):
        if where.startswith(("PATCH", "PUT")):
            headers = {parameter["name"] for parameter in operation["parameters"]}
            assert "If-Match" in headers, where
            assert {"412", "428"} <= set(operation["responses"]), where


def test_if_match_is_required_where_it_is(document: dict[str, Any]) -> None:
    """A client that is made from the contract cannot leave it out then."""
    for where, operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter["name"] == "If-Match":
                assert parameter["required"] == ("428" in operation["responses"]), where


def _parameters(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for where, operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            yield f"{where} {parameter['name']}", parameter


def test_no_parameter_can_be_null(document: dict[str, Any]) -> None:
    for where, parameter in _parameters(document):
        assert {"type": "null"} not in parameter["schema"].get("anyOf", ()), where


def _reached(document: dict[str, Any], part: Any) -> set[str]:
    """Names of all schemas that a part of the document leads to."""
    schemas, reached = document["components"]["schemas"], set[str]()
    waiting = [part]
    while waiting:
        match waiting.pop():
            case {"$ref": str(reference)} if "/schemas/" in reference:
                name = reference.rpartition("/")[2]
                if name not in reached:
                    reached.add(name)
                    waiting.append(schemas[name])
            case dict() as members:
                waiting += members.values()
            case list() as items:
                waiting += items
    return reached


def test_a_new_field_in_an_answer_breaks_no_client(document: dict[str, Any]) -> None:
    answers = _reached(document, [each["responses"] for _, each in _operations(document)])
    assert {"ConnectorOut", "AwsConnection", "DomainPolicy", "Problem"} <= answers
    for name in answers:
        assert "additionalProperties" not in document["components"]["schemas"][name], name


def test_what_is_in_requests_alone_is_closed(document: dict[str, Any]) -> None:
    bodies = _reached(document, [each.get("requestBody") for _, each in _operations(document)])
    answers = _reached(document, [each["responses"] for _, each in _operations(document)])
    assert {"EnrollmentCreate", "KeyWanted", "AwsSecrets"} <= bodies - answers
    for name in bodies - answers:
        schema = document["components"]["schemas"][name]
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False, name


def test_t77_no_request_holds_a_number_that_cannot_be_kept(document: dict[str, Any]) -> None:
    """`term_days` is compared with a profile's terms before anything is kept."""
    for name in _reached(document, [each.get("requestBody") for _, each in _operations(document)]):
        for field, schema in document["components"]["schemas"][name].get("properties", {}).items():
            for part in (schema, schema.get("items", {}), *schema.get("anyOf", ())):
                known = part.get("type") != "integer" or "maximum" in part or field == "term_days"
                assert known, f"{name} {field}"


def test_schemas_are_named_for_people(document: dict[str, Any]) -> None:
    """FastAPI puts a module's path before names that two models have."""
    names = list(document["components"]["schemas"])
    assert [name for name in names if not re.fullmatch(r"[A-Z][A-Za-z0-9]+", name)] == []


def test_the_contract_knows_no_backend_type_of_the_tests(document: dict[str, Any]) -> None:
    assert document["components"]["schemas"]["BackendType"]["enum"] == list(BackendType)
    assert [name for name in document["components"]["schemas"] if "Memory" in name] == []


def _schemas(part: Any) -> Iterator[dict[str, Any]]:
    """Every object in a part of the document that is no example."""
    if isinstance(part, dict):
        yield part
        for name, value in part.items():
            if name not in {"example", "examples", "default"}:
                yield from _schemas(value)
    elif isinstance(part, list):
        for value in part:
            yield from _schemas(value)


def test_patterns_are_such_as_javascript_reads(document: dict[str, Any]) -> None:
    """JSON Schema 6.3.3 has them in ECMA-262, which escapes nothing that means nothing and has
    ASCII digits alone. Generators also put them between quotation marks."""
    asked = [document["paths"], document["components"]["schemas"]]
    patterns = [each["pattern"] for each in _schemas(asked) if isinstance(each.get("pattern"), str)]
    assert len(set(patterns)) > 20
    for pattern in patterns:
        escapes = pattern.replace(r"\\", "")
        assert not re.search(r"\\[^sSx./()\[\]{}^$*+?|-]|[\"']", escapes), pattern


def test_no_default_is_an_object(document: dict[str, Any]) -> None:
    """Generators leave out models that have one: no client of theirs could connect AWS."""
    for name, schema in document["components"]["schemas"].items():
        for field, each in schema.get("properties", {}).items():
            assert not isinstance(each.get("default"), dict), (name, field)


def test_no_part_is_an_alias_of_another() -> None:
    """Not every reader of YAML follows them."""
    assert not re.search(r"[:-] [&*]id\d+$", COMMITTED.read_text(), re.MULTILINE)
