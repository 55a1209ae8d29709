"""What may stand in one member of a request, and the service's words for what may not."""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scm_api.sandbox.aws.errors import ApiError


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a request. `low` and `high` bound a number's value, or the length of a text or
    list; `item` is what a list holds."""

    name: str
    kind: type
    required: bool = False
    low: int | None = None
    high: int | None = None
    pattern: str | None = None
    one_of: tuple[str, ...] = ()
    members: tuple["Member", ...] = ()
    item: "Member | None" = None
    blob: bool = False


def decode_blob(text: str) -> bytes:
    """The bytes of a blob member. Raises ApiError SerializationException if not base64."""
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ApiError("SerializationException", f"Invalid base64: {error}") from error


def broken(
    members: tuple[Member, ...], given: Mapping[str, Any], prefix: str = ""
) -> Iterator[str]:
    """Every broken constraint, in the service's words.

    Raises ApiError SerializationException for a wrong JSON type.
    """
    for member in members:
        path = f"{prefix}{member.name[0].lower()}{member.name[1:]}"
        value = given.get(member.name)
        if value is None:
            if member.required:
                yield _sentence("null", path, "Member must not be null")
            continue
        yield from _broken_member(member, value, path)


def _broken_member(member: Member, value: Any, path: str) -> Iterator[str]:
    _check_kind(member, value)
    if member.members:
        yield from broken(member.members, value, f"{path}.")
        return
    yield from _broken_value(member, decode_blob(value) if member.blob else value, path)
    if member.item:
        for position, each in enumerate(value, 1):
            yield from _broken_member(member.item, each, f"{path}.{position}.member")


def _check_kind(member: Member, value: Any) -> None:
    if not isinstance(value, member.kind) or isinstance(value, bool) is not (member.kind is bool):
        raise ApiError("SerializationException", f"{member.name} is not a {member.kind.__name__}")


def _broken_value(member: Member, value: Any, path: str) -> Iterator[str]:
    sized, noun = (value, "value") if member.kind is int else (_length(value), "length")
    shown = "<blob>" if member.blob else f"'{value}'"
    if member.low is not None and sized < member.low:
        yield _sentence(
            shown, path, f"Member must have {noun} greater than or equal to {member.low}"
        )
    if member.high is not None and sized > member.high:
        yield _sentence(shown, path, f"Member must have {noun} less than or equal to {member.high}")
    if member.pattern and not re.fullmatch(member.pattern, value, re.ASCII):
        yield _sentence(
            shown, path, f"Member must satisfy regular expression pattern: {member.pattern}"
        )
    if member.one_of and value not in member.one_of:
        accepted = f"[{', '.join(member.one_of)}]"
        yield _sentence(shown, path, f"Member must satisfy enum value set: {accepted}")


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes | list) else 0


def _sentence(shown: str, path: str, constraint: str) -> str:
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"
