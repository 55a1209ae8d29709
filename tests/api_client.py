"""A client that holds every answer against the contract and looks for secrets in it."""

import re
import sys
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import httpx
import jsonschema_rs
from fastapi import FastAPI

URN = "urn:scm-api:problem:"
PROBLEM = "application/problem+json"
Promise = tuple[bool, type, jsonschema_rs.Draft202012Validator]
"""Whether a header is required, what its text stands for, and its schema."""
# What clients go by beside bodies: none of these is sent that is not promised.
HEADERS = ("etag", "link", "location", "preference-applied", "retry-after", "www-authenticate")

# httpx imports it in every request, as httpcore does (`drivers/http.py`).
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]


def moment(text: str) -> datetime:
    """A time of an answer: without a fraction of a second it is no text to be compared."""
    return datetime.fromisoformat(text)


class Contract:
    """The OpenAPI document as a judge of answers."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._components = _closed(document["components"])
        self._paths = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operations)
            for path, operations in sorted(
                document["paths"].items(), key=lambda entry: entry[0].count("{")
            )
        ]
        self.validator = lru_cache(maxsize=None)(self._make_validator)
        self._promises: dict[str, dict[str, Promise]] = {}

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """The operation behind a method and path, if there is one."""
        for pattern, operations in self._paths:
            if pattern.fullmatch(path):
                found: dict[str, Any] | None = operations.get(method.lower())
                return found
        return None

    def check(self, response: httpx.Response) -> None:
        """The status, headers, media type and body of an answer are ones the document promises."""
        request = response.request
        operation = self.operation(request.method, request.url.path)
        media = response.headers.get("content-type", "").partition(";")[0]
        if response.status_code >= 400:
            assert media == PROBLEM, (media, response.text)
            self.validator("Problem").validate(response.json())
            assert response.json()["request_id"] == response.headers["x-request-id"]
        if operation is None:
            return
        name = operation["operationId"]
        promised = operation["responses"].get(str(response.status_code))
        assert promised is not None, f"{name} does not promise {response.status_code}"
        self._check_headers(f"{name} with {response.status_code}", promised, response.headers)
        contents = promised.get("content", {})
        if not response.content:
            assert not contents, f"{name} promises a body with {response.status_code}"
            return
        assert media in contents, f"{name} answers {media}"
        schema = contents[media].get("schema", {}).get("$ref")
        if schema:
            self.validator(schema.rpartition("/")[2]).validate(response.json())

    def _check_headers(
        self, where: str, promised: Mapping[str, Any], headers: Mapping[str, str]
    ) -> None:
        if where not in self._promises:
            self._promises[where] = self._promises_of(promised)
        known = self._promises[where]
        sent = {name for name in HEADERS if name in headers}
        assert sent <= set(known), f"{where} sends {sorted(sent - set(known))}"
        for name, (required, kind, schema) in known.items():
            assert name in headers or not required, f"{where} lacks {name}"
            if name in headers:
                schema.validate(kind(headers[name]))

    def _promises_of(self, promised: Mapping[str, Any]) -> dict[str, "Promise"]:
        found = {}
        for name, header in promised.get("headers", {}).items():
            if "$ref" in header:
                header = self.document["components"]["headers"][header["$ref"].rpartition("/")[2]]
            kind = int if header["schema"]["type"] == "integer" else str
            schema = jsonschema_rs.Draft202012Validator(header["schema"])
            found[name.lower()] = (bool(header.get("required")), kind, schema)
        return found

    def _make_validator(self, schema: str) -> jsonschema_rs.Draft202012Validator:
        root = {"$ref": f"#/components/schemas/{schema}", "components": self._components}
        return jsonschema_rs.Draft202012Validator(root, validate_formats=True)


def _closed(components: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas without room for what they do not name, which clients have to bear and our own
    answers must not hold; and with the backend type of the tests, which no client ever sees."""
    schemas = deepcopy(components["schemas"])
    for schema in schemas.values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        if schema.get("discriminator", {}).get("propertyName") == "backend_type":
            schema["oneOf"].append(_MEMORY)
    schemas["BackendType"]["enum"].append("memory")
    return {"schemas": schemas}


_MEMORY = {"properties": {"backend_type": {"const": "memory"}}, "required": ["backend_type"]}


class Api:
    """Calls the application in this process as one API key."""

    def __init__(
        self, app: FastAPI, contract: Contract, key: str | None, secrets: tuple[str, ...] = ()
    ) -> None:
        """`secrets` are texts that must be in no answer."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.app = app
        self.key = key
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://api.test", headers=headers
        )
        self._contract = contract
        self._secrets = secrets

    def as_key(self, key: str | None) -> "Api":
        """The same application, called with another key or none."""
        return Api(self.app, self._contract, key, self._secrets)

    async def send(
        self, method: str, path: str, status: int | None = None, **request: Any
    ) -> httpx.Response:
        """Send a request as httpx does; the answer has `status`, if one is given."""
        response = await self.http.request(method, path, **request)
        shown = str(response.headers) + response.text
        leaked = [secret[:4] for secret in self._secrets if secret in shown]
        assert not leaked, f"secrets beginning {leaked} in the answer of {method} {path}"
        if status is not None:
            assert response.status_code == status, (response.status_code, response.text)
        self._contract.check(response)
        return response

    async def get(self, path: str, status: int = 200, **request: Any) -> Any:
        """The body of an answer to GET."""
        return (await self.send("GET", path, status, **request)).json()

    async def post(self, path: str, body: Any = None, status: int = 201, **request: Any) -> Any:
        """The body of an answer to POST."""
        return (await self.send("POST", path, status, json=body, **request)).json()

    async def patch(
        self, path: str, body: Any, status: int = 200, *, if_match: int | str | None = None
    ) -> Any:
        """The body of an answer to PATCH; without `if_match`, any version is changed."""
        return await self._change("PATCH", path, body, status, if_match)

    async def put(
        self, path: str, body: Any, status: int = 200, *, if_match: int | str | None = None
    ) -> Any:
        """The body of an answer to PUT; without `if_match`, any version is changed."""
        return await self._change("PUT", path, body, status, if_match)

    async def _change(
        self, method: str, path: str, body: Any, status: int, if_match: int | str | None
    ) -> Any:
        tag = f'"{if_match}"' if isinstance(if_match, int) else if_match or "*"
        response = await self.send(method, path, status, json=body, headers={"If-Match": tag})
        return response.json()

    async def delete(self, path: str, status: int = 204, **request: Any) -> Any:
        """The problem an answer to DELETE tells about, if it does."""
        response = await self.send("DELETE", path, status, **request)
        return response.json() if response.content else None

    async def everything(self, path: str, limit: int = 200) -> list[Any]:
        """All items of a list, page by page."""
        items: list[Any] = []
        following: str | None = None
        separator = "&" if "?" in path else "?"
        while True:
            cursor = f"&cursor={following}" if following else ""
            page = await self.get(f"{path}{separator}limit={limit}{cursor}")
            items += page["items"]
            following = page["next_cursor"]
            if following is None:
                return items


def code_of(problem: Mapping[str, Any]) -> str:
    """The stable code of a problem or of one of its faults."""
    kind = str(problem["type"])
    assert kind.startswith(URN), kind
    return kind.removeprefix(URN)


def faults_of(problem: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Pointer and code of every fault a problem lists."""
    return {(fault["pointer"], code_of(fault)) for fault in problem["errors"]}
