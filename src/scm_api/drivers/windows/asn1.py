"""Types of asn1crypto made in one line each: the library has no types of its own for mypy, which
refuses classes that inherit from it."""

from typing import Any

from asn1crypto import core


def sequence(*fields: tuple[Any, ...]) -> Any:
    """A SEQUENCE of these fields: name, type and, if need be, how it is tagged."""
    return type("Sequence", (core.Sequence,), {"_fields": list(fields)})


def sequence_of(kind: Any) -> Any:
    """A SEQUENCE OF one type."""
    return type("SequenceOf", (core.SequenceOf,), {"_child_spec": kind})


def set_of(kind: Any) -> Any:
    """A SET OF one type, which is sorted as DER wants it."""
    return type("SetOf", (core.SetOf,), {"_child_spec": kind})


def choice(*alternatives: tuple[Any, ...]) -> Any:
    """A CHOICE of these, each with its tag."""
    return type("Choice", (core.Choice,), {"_alternatives": list(alternatives)})


def any_number(limit: int) -> Any:
    """An ENUMERATED whose values have no other names than their numbers."""
    names = {number: str(number) for number in range(limit)}
    return type("Enumerated", (core.Enumerated,), {"_map": names})


def tagged(number: int, *, optional: bool = False) -> dict[str, Any]:
    """An implicit tag of the context."""
    return {"implicit": number} | ({"optional": True} if optional else {})


def application(number: int) -> dict[str, Any]:
    """An implicit tag of the application."""
    return {"implicit": ("application", number)}
