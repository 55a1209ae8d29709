"""The headers of answers as the contract declares them, by what kind of operation answers."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Json = Mapping[str, Any]


def _header(description: str, example: Any, *, always: bool = True, **schema: Any) -> Json:
    return {
        "description": description,
        "required": always,
        "schema": {"type": "string"} | schema,
        "example": example,
    }


HEADERS: Final[dict[str, Json]] = {
    "ETag": _header(
        "The version of what is shown; a change sends it as `If-Match`.",
        '"1"',
        pattern=r'^"\d+"$',
    ),
    "Location": _header(
        "Where what was made, or the certificate, is.",
        "/enrollments/01980c5e-7a10-7c3e-9a51-2f0d3c6b8e17",
        format="uri-reference",
    ),
    "Link": _header(
        'The next page, `rel="next"` (RFC 8288); left out on the last one.',
        '</certificates?cursor=6Yd3&limit=50>; rel="next"',
        always=False,
    ),
    "Retry-After": _header("Seconds after which to ask again.", 5, type="integer", minimum=0),
    "Preference-Applied": _header(
        "How long was waited at most, if `Prefer: wait=N` was sent, which may be less than N "
        "(RFC 7240).",
        "wait=10",
        always=False,
    ),
    "WWW-Authenticate": _header("Which key is wanted (RFC 6750).", 'Bearer realm="scm-api"'),
}


def declare(operation: Json, schemas: Json) -> None:
    """Add to each answer of an operation the headers it comes with."""
    answers = operation["responses"]
    given = {each["name"] for each in operation.get("parameters", ())}
    makes = "Idempotency-Key" in given and "200" not in answers
    for status, answer in answers.items():
        sent = set(_sent(status, _members(answer, schemas)))
        if makes and status in {"201", "202"}:
            sent.add("Location")
            sent |= {"Retry-After"} if status == "202" else set()
        if "Prefer" in given and status < "300":
            sent.add("Preference-Applied")
        declared = answer.setdefault("headers", {}) if sent else {}
        for name in HEADERS:
            if name in sent:
                declared.setdefault(name, {"$ref": f"#/components/headers/{name}"})


def _sent(status: str, members: Json) -> Iterator[str]:
    if status == "401":
        yield "WWW-Authenticate"
    if status in {"429", "503"}:
        yield "Retry-After"
    if status == "303":
        yield "Location"
    if status < "300" and "version" in members:
        yield "ETag"
    if status < "300" and "next_cursor" in members:
        yield "Link"


def _members(answer: Json, schemas: Json) -> Json:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    members: Json = schemas.get(schema.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
    return members
