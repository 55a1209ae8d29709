"""What pydantic's kinds of errors are called here, and said in words of ours.

Its own texts speak of Python. What a validator of ours raises keeps its words.
"""

from collections.abc import Mapping
from typing import Any, Final

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
_NO_CHOICE: Final = "This is not one of the possible values."
# A sentence and what is accepted; braces are filled from pydantic's context.
_SAID: Final[Mapping[str, tuple[str, str | None]]] = {
    "extra_forbidden": ("There is no such field here.", None),
    "missing": ("This field is required.", None),
    "string_too_long": ("The text is too long.", "at most {max_length} characters"),
    "string_too_short": ("The text is too short.", "at least {min_length} characters"),
    "too_long": ("There are too many.", "at most {max_length}"),
    "too_short": ("There are too few.", "at least {min_length}"),
    "enum": (_NO_CHOICE, "{expected}"),
    "literal_error": (_NO_CHOICE, "{expected}"),
    "union_tag_invalid": (_NO_CHOICE, "{expected_tags}"),
    "union_tag_not_found": ("This field is required: the others depend on it.", None),
    "string_pattern_mismatch": (
        "The text does not have the form that is needed.",
        "a match of {pattern}",
    ),
    "greater_than_equal": ("The number is too small.", "at least {ge}"),
    "greater_than": ("The number is too small.", "more than {gt}"),
    "less_than_equal": ("The number is too large.", "at most {le}"),
    "less_than": ("The number is too large.", "less than {lt}"),
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
    code = _CODES.get(kind, "invalid-value")
    if kind == "string_too_short" and context["min_length"] == 1:
        return code, "The text is empty.", "at least 1 character"
    if kind in _SAID:
        sentence, accepted = _SAID[kind]
        return code, sentence, _accepted(accepted and accepted.format_map(context))
    for beginning, (sentence, wanted) in _TYPES.items():
        if kind.startswith(beginning):
            return code, sentence, wanted
    return code, "The value has the wrong type or form.", None


def _sentence(message: str) -> str:
    """With a capital, unless it begins with the name of a field, and a full stop."""
    first, blank, rest = message.partition(" ")
    is_word = first.islower() and "_" not in first
    return (first.capitalize() if is_word else first) + blank + rest.rstrip(".") + "."


def _accepted(text: Any) -> str | None:
    """pydantic lists choices as `'a', 'b' or 'c'`."""
    if not text:
        return None
    if str(text).startswith("'"):
        return str(text).replace("' or '", "', '").replace("'", "")
    return str(text)
