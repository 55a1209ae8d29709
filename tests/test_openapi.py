"""The committed contract equals the code and keeps its promises in every operation."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scm_api.app import create_app
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
        wanted = None if operation["operationId"] in WITHOUT_KEY else [{"ApiKey": []}]
        assert operation.get("security") == wanted, where


def test_every_creating_post_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    for where, operation in _operations(document):
        if where.startswith("POST") and "201" in operation["responses"]:
            headers = {parameter["name"] for parameter in operation["parameters"]}
            assert "Idempotency-Key" in headers, where


def test_every_update_needs_if_match(document: dict[str, Any]) -> None:
    for where, operation in _operations(document):
        if where.startswith("PATCH"):
            headers = {parameter["name"] for parameter in operation["parameters"]}
            assert "If-Match" in headers, where
            assert {"412", "428"} <= set(operation["responses"]), where
