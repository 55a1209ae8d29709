"""Answers straight from rows: dictionaries become JSON once, without passing through models."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from fastapi import Response

_JSON = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def _plain(value: Any) -> str:
    """asyncpg's own UUID class, which orjson does not know although it is a kind of UUID."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def etag(version: int) -> str:
    """The entity tag of a resource at `version` (RFC 9110 section 8.8.3)."""
    return f'"{version}"'


def plain_json(content: Mapping[str, Any]) -> bytes:
    """JSON of what rows hold: ids, times in UTC, and what JSON knows itself."""
    return orjson.dumps(content, _plain, _JSON)


def reply(
    content: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer; a `version` member in `content` also becomes the ETag."""
    all_headers = dict(headers or {})
    if "version" in content:
        all_headers.setdefault("ETag", etag(content["version"]))
    return Response(plain_json(content), status, media_type="application/json", headers=all_headers)


def created(content: Mapping[str, Any], location: str, status: int = 201) -> Response:
    """The answer to a creating POST."""
    return reply(content, status=status, headers={"Location": location})
