"""The OpenAPI document says everything a client needs, in one style."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from api_client import PROBLEM, Contract, code_of
from scm_api.web.openapi import TAGS

PUBLIC = {"get_liveness", "get_readiness", "get_metrics"}


def operations(contract: Contract) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of everything there is."""
    for path, methods in contract.document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_the_document_is_valid_openapi(contract: Contract) -> None:
    assert contract.document["openapi"].startswith("3.1")
    from openapi_spec_validator import validate  # takes long to import, and only here

    validate(dict(contract.document))


def test_operations_are_named_described_and_grouped(contract: Contract) -> None:
    names = [operation["operationId"] for _, _, operation in operations(contract)]
    assert len(set(names)) == len(names)
    groups = [tag["name"] for tag in TAGS]
    seen = []
    for _, path, operation in operations(contract):
        assert operation["operationId"].islower(), path
        assert operation["summary"][0].isupper()
        assert not operation["summary"].endswith(".")
        assert len(operation["description"]) > 12
        assert "\n\n    " not in operation["description"]
        [group] = operation["tags"]
        seen.append(groups.index(group))
        for parameter in operation.get("parameters", []):
            if parameter["in"] != "path":
                assert parameter["description"], (path, parameter["name"])
    assert seen == sorted(seen), "operations come in the order of the groups"


def test_paths_are_kebab_case_and_fields_snake_case(contract: Contract) -> None:
    for path in contract.document["paths"]:
        fixed = [part for part in path.split("/") if not part.startswith("{")]
        assert "".join(fixed).replace("-", "").islower() or path == "/"
        assert "_" not in "".join(fixed)
    for name, schema in contract.document["components"]["schemas"].items():
        for field in schema.get("properties", {}):
            assert field == field.lower(), (name, field)
            assert "-" not in field, (name, field)


def test_every_operation_lists_its_errors_as_problems(contract: Contract) -> None:
    for method, path, operation in operations(contract):
        where = f"{method} {path}"
        others = contract.document["components"]["responses"]["Unexpected"]
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/Unexpected"}
        assert list(others["content"]) == [PROBLEM]
        statuses = {int(status) for status in operation["responses"] if status != "default"}
        for status in statuses:
            if status >= 400:
                content = operation["responses"][str(status)]["content"]
                assert list(content) == [PROBLEM], where
        if operation["operationId"] in PUBLIC:
            continue
        expected = {401, 503}
        expected |= {400, 413, 422} if "requestBody" in operation else set()
        expected |= {404} if "{" in path else set()
        expected |= {412, 428} if method == "patch" else set()
        expected |= {403} if method in {"patch", "delete"} else set()
        assert expected <= statuses, (where, expected - statuses)


@pytest.mark.parametrize("verb", ["post", "patch"])
def test_every_body_has_an_example_that_fits(contract: Contract, verb: str) -> None:
    components = contract.document["components"]
    checked = 0
    for method, path, operation in operations(contract):
        if method != verb or "requestBody" not in operation:
            continue
        reference = operation["requestBody"]["content"]["application/json"]["schema"]
        name = (reference.get("$ref") or reference["anyOf"][0]["$ref"]).rpartition("/")[2]
        examples = components["schemas"][name].get("examples")
        assert examples, f"{name} of {path} has no example"
        root = {"$ref": f"#/components/schemas/{name}", "components": components}
        validator = jsonschema_rs.Draft202012Validator(root, validate_formats=True)
        for example in examples:
            validator.validate(example)
        checked += 1
    assert checked > 5


def test_answers_have_examples_that_fit(contract: Contract) -> None:
    schemas = contract.document["components"]["schemas"]
    shown, bare = set(), set()
    for _, _, operation in operations(contract):
        for answer in operation["responses"].values():
            told = answer.get("content", {}).get("application/json", {})
            if name := told.get("schema", {}).get("$ref", "").rpartition("/")[2]:
                examples = schemas[name].get("examples", [])
                (shown if examples else bare).add(name)
                for example in [*examples, *([told["example"]] if "example" in told else [])]:
                    contract.validator(name).validate(example)
    assert bare == {"BackendTypeList"}, "it is JSON schemas as data"
    main = {"Connector", "LocalCaBackend", "CaBackend", "Organization", "Enrollment", "Certificate"}
    assert {f"{resource}Page" for resource in main} | {"CertificateProfileDetail"} <= shown


def test_problems_have_examples_of_their_operation(contract: Contract) -> None:
    """Of its status and of a documented type; what cannot be deleted is not what cannot be made."""
    rows = (Path(__file__).parents[2] / "docs/problems.md").read_text()
    conflicts: dict[str, set[str]] = {}
    for _, path, operation in operations(contract):
        for status, answer in operation["responses"].items():
            if status == "default" or int(status) < 400:
                continue
            example = answer["content"][PROBLEM]["example"]
            contract.validator("Problem").validate(example)
            assert example["status"] == int(status), path
            for told in (example, *example.get("errors", ())):
                assert f"`{code_of(told)}`" in rows, (path, status)
            if status == "409":
                conflicts.setdefault(code_of(example), set()).add(operation["operationId"])
    assert len(conflicts) > 10
    for name in conflicts["in-use"] - {"create_api_key"}:
        assert name.startswith(("delete_", "remove_"))


def test_the_options_of_each_ca_are_told_apart_by_its_type(contract: Contract) -> None:
    schemas = contract.document["components"]["schemas"]
    for name, field, named in (
        ("LocalCaBackendCreate", "options", "ConnectionOptions"),
        ("LocalCaBackendCreate", "secrets", "ConnectionSecrets"),
        ("LocalCaBackendOut", "options", "ConnectionOptions"),
        ("CertificateProfileCreate", "options", "ProfileOptions"),
        ("CertificateProfileOut", "options", "ProfileOptions"),
    ):
        told = schemas[name]["properties"][field]
        assert told["$ref"] == f"#/components/schemas/{named}", "clients have a name for it"
        union = schemas[named]
        assert union["discriminator"]["propertyName"] == "backend_type"
        types = {"aws", "digicert", "entrust", "gcp", "microsoft"}
        assert set(union["discriminator"]["mapping"]) == types
        assert len(union["oneOf"]) == len(types)


def test_requests_refuse_what_they_do_not_know(contract: Contract) -> None:
    for _, path, operation in operations(contract):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        reference = body.get("schema", {})
        target = reference.get("$ref") or reference.get("anyOf", [{}])[0].get("$ref")
        if target:
            schema = contract.document["components"]["schemas"][target.rpartition("/")[2]]
            assert schema["additionalProperties"] is False, path
