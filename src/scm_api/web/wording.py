"""What pydantic's kinds of errors are called here, and said in words of ours.

Its own texts speak of Python. What a validator of ours raises keeps its words.
"""

from collections.abc import Mapping
from typing import Any, Final

# kind: (code, sentence, what is accepted); the braces are filled from pydantic's context.
_SAID: Final[Mapping[str, tuple[str, str, str | None]]] = {
    "missing": ("field-required", "This field is required.", None),
    "extra_forbidden": ("unknown-field", "There is no such field here.", None),
    "union_tag_not_found": (
        "field-required",
        "This field is required: the other fields depend on it.",
        None,
    ),
    "union_tag_invalid": (
        "not-a-choice",
        "This is none of the values there are.",
        "{expected_tags}",
    ),
    "enum": ("not-a-choice", "This is none of the values there are.", "{expected}"),
    "literal_error": ("not-a-choice", "This is none of the values there are.", "{expected}"),
    "string_too_long": (
        "too-long",
        "The text is too long.",
        "at most {max_length} characters",
    ),
    "string_too_short": (
        "too-short",
        "The text is too short.",
        "at least {min_length} characters",
    ),
    "too_long": ("too-long", "There are too many.", "at most {max_length}"),
    "too_short": ("too-short", "There are too few.", "at least {min_length}"),
    "string_pattern_mismatch": (
        "invalid-value",
        "The text does not have the form that is needed here.",
        "{pattern}",
    ),
    "greater_than_equal": ("invalid-value", "The number is too small.", "at least {ge}"),
    "greater_than": ("invalid-value", "The number is too small.", "more than {gt}"),
    "less_than_equal": ("invalid-value", "The number is too large.", "at most {le}"),
    "less_than": ("invalid-value", "The number is too large.", "less than {lt}"),
    "null_not_taken": (
        "invalid-value",
        "Null would change nothing: this field always has a value.",
        "a value; or leave the field out to keep the one there is",
    ),
}
_NO_TIME: Final = ("There is no such time.", "a time as in RFC 3339, such as 2030-01-31T12:00:00Z")
# Kinds that tell of a wrong type, by how they begin: the sentence and what is accepted.
_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "model_": ("A JSON object is needed here.", "a JSON object"),
    "dict_": ("A JSON object is needed here.", "a JSON object"),
    "list_": ("A JSON array is needed here.", "a JSON array"),
    "string_": ("Text is needed here.", "a JSON string"),
    "int_": ("A whole number is needed here.", "a whole number"),
    "float_": ("A number is needed here.", "a number"),
    "finite_": ("A number is needed here.", "a number"),
    "bool_": ("Only true and false are possible here.", "true or false"),
    "uuid_": (
        "This is not an id: ids are UUIDs.",
        "a UUID, such as 01980c5e-7a10-7c3e-9a51-2f0d3c6b8e10",
    ),
    "datetime_": _NO_TIME,
    "timezone_": _NO_TIME,
}


def said(kind: str, message: str, context: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Code, sentence and what is accepted, for an error of `kind`."""
    if "-" in kind:  # a code of ours, raised with a sentence
        return kind, _sentence(message), _accepted(context.get("expected"))
    if kind == "value_error":
        return "invalid-value", _sentence(str(context.get("error", ""))), None
    if kind in {"too_long", "too_short"} and context.get("field_type") == "Value":
        kind = f"string_{kind}"  # pydantic counts the items of a secret
    if kind in _SAID:
        code, sentence, template = _SAID[kind]
        return code, sentence, _accepted(template and template.format_map(context))
    for beginning, (sentence, accepted) in _TYPES.items():
        if kind.startswith(beginning):
            return "invalid-value", sentence, accepted
    return "invalid-value", "The value has the wrong type or form.", None


def _sentence(message: str) -> str:
    """With a capital, unless it begins with the name of a field, and a full stop."""
    first, blank, rest = message.partition(" ")
    return (first if "_" in first else first.capitalize()) + blank + rest.rstrip(".") + "."


def _accepted(text: Any) -> str | None:
    """pydantic lists choices as `'a', 'b' or 'c'`."""
    if not text:
        return None
    if str(text).startswith("'"):
        return str(text).replace("' or '", "', '").replace("'", "")
    return str(text)
