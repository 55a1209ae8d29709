"""From pydantic's error list to our faults: pointers people can follow, no value echoed."""

from collections.abc import Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError

from scm_api.core.errors import Fault, Invalid, Malformed, ScmError
from scm_api.web.shapes import choices_of, example_of, fields_of, models_at
from scm_api.web.wording import said

_PARAMETER = "parameter-invalid"


def faults_of(error: RequestValidationError, body_model: Any = None) -> ScmError:
    """All faults: Malformed if they are in parameters alone, else Invalid.

    `body_model` is what the operation reads bodies into; its fields are told where one is unknown.
    """
    found = error.errors()
    faults = [
        _of_body(item, error.body, body_model) if item["loc"][0] == "body" else _of_parameter(item)
        for item in found
    ]
    if any(item["loc"][0] == "body" for item in found):
        return Invalid(faults)
    codes = {fault.code for fault in faults}
    return Malformed(
        faults[0].detail if len(faults) == 1 else f"{len(faults)} parameters cannot be taken.",
        code=codes.pop() if len(codes) == 1 else _PARAMETER,
        faults=faults,
    )


def _of_parameter(item: dict[str, Any]) -> Fault:
    """A fault of a parameter; its code is one for all but parameters nobody declared."""
    kind = str(item["type"])
    code, sentence, accepted = said(kind, str(item["msg"]), item.get("ctx") or {})
    if kind == "missing":
        sentence = "This parameter is required."
    pointer = "/".join(map(str, item["loc"]))
    return Fault(pointer, code if kind.startswith("parameter-") else _PARAMETER, sentence, accepted)


def _of_body(item: dict[str, Any], body: Any, model: Any) -> Fault:
    kind = str(item["type"])
    _, *path = item["loc"]
    context = item.get("ctx") or {}
    code, sentence, accepted = said(kind, str(item["msg"]), context)
    if kind == "missing" and not path:
        sentence, accepted = "The request has no body.", "a JSON object"
    if kind == "extra_forbidden":
        accepted = fields_of(models_at(model, path[:-1]))
    elif kind.startswith("union_tag_"):
        discriminator = str(context["discriminator"]).strip("'")
        accepted = accepted or choices_of(models_at(model, path), discriminator)
        path.append(discriminator)
    elif accepted == "a JSON object" and len(models := models_at(model, path)) == 1:
        accepted = f"a JSON object with {fields_of(models)}"
    if path and (accepted is None or kind == "string_pattern_mismatch"):
        example = example_of(models_at(model, path[:-1]), path[-1])
        form = f"{accepted}," if accepted else "a value"
        accepted = f"{form} such as {example}" if example else accepted
    return Fault(_pointer(path, body, kind), code, sentence, accepted)


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
