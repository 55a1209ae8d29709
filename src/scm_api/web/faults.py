"""From pydantic's error list to our faults: pointers people can follow, no value echoed."""

from collections.abc import Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError

from scm_api.core.errors import Fault, Invalid, Malformed, ScmError

_CODES = {
    "extra_forbidden": "unknown-field",
    "missing": "field-required",
    "string_too_long": "too-long",
    "string_too_short": "too-short",
    "too_long": "too-long",
    "too_short": "too-short",
    "enum": "not-a-choice",
    "literal_error": "not-a-choice",
    "union_tag_invalid": "not-a-choice",
    "union_tag_not_found": "field-required",
}
_SENTENCES = {
    "extra_forbidden": "This field is not known here.",
    "missing": "This field is required.",
}


def faults_of(error: RequestValidationError) -> ScmError:
    """Invalid with all faults, or Malformed when the body is no JSON at all."""
    found = error.errors()
    for item in found:
        if item["type"] == "json_invalid":
            position = item["loc"][-1]
            return Malformed(
                f"The body is not JSON: {item['ctx']['error']} at character {position}.",
                code="malformed-json",
            )
    faults = [_fault(item, error.body) for item in found]
    if all(fault.pointer.startswith(("query/", "path/", "header/")) for fault in faults):
        first = faults[0]
        return Malformed(
            f"{first.pointer}: {first.detail}", code="parameter-invalid", pointer=first.pointer
        )
    return Invalid(faults)


def _fault(item: dict[str, Any], body: Any) -> Fault:
    kind = str(item["type"])
    where, *path = item["loc"]
    context = item.get("ctx") or {}
    sentence = _SENTENCES.get(kind) or _sentence(str(item["msg"]))
    accepted = context.get("expected") or context.get("expected_tags") or context.get("pattern")
    if kind.startswith("union_tag_"):
        path.append(str(context["discriminator"]).strip("'"))
    return Fault(
        pointer=_pointer(path, body, kind)
        if where == "body"
        else f"{where}/{'/'.join(map(str, path))}",
        code=_code(kind),
        detail=sentence,
        accepted=str(accepted) if accepted else None,
    )


def _code(kind: str) -> str:
    """pydantic's kinds are snake_case; kinds with a hyphen are codes of ours already."""
    return _CODES.get(kind) or (kind if "-" in kind else "invalid-value")


def _sentence(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].upper() + message[1:].rstrip(".") + "."


def _pointer(path: Sequence[Any], body: Any, kind: str) -> str:
    """RFC 6901 pointer into what the client sent.

    pydantic adds the tag of a discriminated union to the path; it is no member of the body, so a
    segment that is not there is left out, unless it names the field that is missing.
    """
    pointer, here = "", body
    for position, segment in enumerate(path):
        absent = kind in {"missing", "union_tag_not_found"} and position == len(path) - 1
        if (isinstance(here, list) and isinstance(segment, int) and segment < len(here)) or (
            isinstance(here, dict) and segment in here
        ):
            here = here[segment]
        elif not absent:
            continue
        pointer += "/" + str(segment).replace("~", "~0").replace("/", "~1")
    return pointer
