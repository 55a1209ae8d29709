"""Examples of the problems of each operation: what it would really answer, in those words."""

from collections.abc import Mapping
from typing import Any, Final

from scm_api.settings import Settings
from scm_api.web import examples
from scm_api.web.contract_refusals import (
    BY_PRIVILEGE,
    CONFLICTS,
    FAULTS,
    FOR_MRAOS,
    SELF_APPROVAL,
)
from scm_api.web.problems import URN, title_of
from scm_api.web.rate_limits import change_limit, wrong_key_limit

Json = Mapping[str, Any]

# Statuses that mean the same everywhere.
_EVERYWHERE: Final = {
    401: ("unauthenticated", "This API key is not known, has expired or was revoked."),
    412: (
        "stale",
        "It is at version 2 now, which is not the one you read; read it again and repeat the "
        "change.",
    ),
    413: ("body-too-large", "The body is longer than the 262144 bytes that are accepted."),
    415: (
        "unsupported-media-type",
        "The body is not sent as JSON: send it with Content-Type: application/json.",
    ),
    428: (
        "precondition-required",
        "Send If-Match with the ETag you read, so no change is lost.",
    ),
    500: (
        "internal-error",
        "Something went wrong here. Quote the request id when you report it.",
    ),
    502: (
        "ca-refused",
        "AWS does not accept the credentials: the access key or session token is not known, "
        "not active, or not complete (UnrecognizedClientException).",
    ),
}


def example(status: int, operation: Json, schemas: Json, method: str = "get") -> dict[str, Any]:
    """What the operation answers with this status, as it would be told."""
    name = operation.get("operationId", "")
    if status == 400:
        return _malformed(operation)
    if status == 403:
        return _problem(403, *_forbidden(name))
    if status == 404:
        return _problem(404, "not-found", f"There is no such {_noun(operation)}.")
    if status == 409:
        code, detail, *uses = CONFLICTS[name]
        used_by = [{"kind": kind, "id": id_, "name": called} for kind, id_, called in uses]
        return _problem(409, code, detail, **({"used_by": used_by} if used_by else {}))
    if status == 422:
        return _invalid(*(FAULTS.get(name) or _fault_of_fields(operation, schemas)))
    if status == 429:
        return _problem(429, "rate-limited", _limited(method))
    if status == 503:
        return _problem(503, *_away(operation))
    return _problem(status, *_EVERYWHERE[status])


def _problem(status: int, code: str, detail: str, **members: Any) -> dict[str, Any]:
    return {
        "type": URN + code,
        "title": title_of(code),
        "status": status,
        "detail": detail,
        "request_id": "5b2f0c1d9f6e4a7c8b1d2e3f4a5b6c7d",
        **members,
    }


def _fault(pointer: str, code: str, detail: str, accepted: str | None = None) -> dict[str, Any]:
    fault = {"type": URN + code, "pointer": pointer, "detail": detail}
    return fault | ({"accepted": accepted} if accepted else {})


def _invalid(pointer: str, code: str, detail: str, accepted: str | None = None) -> dict[str, Any]:
    return _problem(422, code, detail, errors=[_fault(pointer, code, detail, accepted)])


def _malformed(operation: Json) -> dict[str, Any]:
    parameters = {each["name"]: each["in"] for each in operation.get("parameters", ())}
    paths = [name for name, where in parameters.items() if where == "path"]
    if "requestBody" in operation:
        detail = "The body is not JSON: Expecting ',' delimiter at character 41."
        return _problem(400, "malformed-json", detail)
    fault: tuple[str, str, str, str | None]
    if "limit" in parameters:
        fault = ("query/limit", "parameter-invalid", "The number is too large.", "at most 200")
    elif "If-Match" in parameters:
        detail = 'If-Match takes the ETag of a previous answer, for example "3", or *.'
        fault = ("header/If-Match", "if-match-invalid", detail, None)
    elif paths:
        detail = "This is not an id: ids are UUIDs."
        accepted = f"a UUID, such as {examples.PATH_PARAMETERS[paths[0]]}"
        fault = (f"path/{paths[0]}", "parameter-invalid", detail, accepted)
    else:
        detail = "There is no such query parameter here."
        fault = ("query/colour", "parameter-unknown", detail, "no query parameters")
    _, code, detail, _ = fault
    return _problem(400, code, detail, errors=[_fault(*fault)])


def _forbidden(name: str) -> tuple[str, str]:
    if name in FOR_MRAOS:
        return "forbidden", f"Only an MRAO may {FOR_MRAOS[name]}; you are acting as RAO."
    if name in BY_PRIVILEGE:
        privilege, doing = BY_PRIVILEGE[name]
        return "forbidden", f"To {doing} you need the privilege {privilege}."
    assert name.startswith(("approve_", "decline_")), name
    return SELF_APPROVAL


def _noun(operation: Json) -> str:
    *_, last = (each["name"] for each in operation["parameters"] if each["in"] == "path")
    words = last.removesuffix("_id").split("_")
    return " ".join({"ca": "CA", "api": "API"}.get(word, word) for word in words)


def _fault_of_fields(operation: Json, schemas: Json) -> tuple[str, str, str, str | None]:
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    required = schemas[reference.rpartition("/")[2]].get("required")
    if required:
        return f"/{required[0]}", "field-required", "This field is required.", None
    return "/colour", "unknown-field", "There is no such field here.", None


def _limited(method: str) -> str:
    limit = wrong_key_limit if method == "get" else change_limit
    return limit(Settings()).detail


def _away(operation: Json) -> tuple[str, str]:
    if "502" in operation["responses"]:
        return "ca-unavailable", "AWS Private CA does not answer."
    return (
        "database-unavailable",
        "The database does not answer at the moment; nothing was changed by this request unless "
        "it had been committed. Repeat it with the same Idempotency-Key.",
    )
