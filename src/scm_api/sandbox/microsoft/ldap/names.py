"""Distinguished names (RFC 4514), compared as AD does: without regard to case."""

import re
from typing import Final

Name = tuple[tuple[str, str], ...]
"""Types and values in lower case, the leaf first."""
_ESCAPED: Final = re.compile(r"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)
_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*|\d+(\.\d+)+")
_SPLIT: Final = re.compile(r"(?:\\.|[^,\\])+", re.DOTALL)


def parse_name(text: str) -> Name:
    """Raises ValueError for what is no distinguished name."""
    if not text.strip():
        return ()
    parts = _SPLIT.findall(text)
    if len(",".join(parts)) != len(text):
        raise ValueError("an empty part of a name or a dangling escape")
    return tuple(_part(each) for each in parts)


def _part(text: str) -> tuple[str, str]:
    kind, equals, value = text.partition("=")
    kind = kind.strip()
    if not equals or not _TYPE.fullmatch(kind):
        raise ValueError("a part of a name without a type")
    value = value.lstrip()
    if not value.endswith("\\ "):
        value = value.rstrip()
    return kind.casefold(), _unescaped(value).casefold()


def _unescaped(value: str) -> str:
    raw = bytearray()
    position = 0
    for match in _ESCAPED.finditer(value):
        raw += value[position : match.start()].encode()
        escaped = match[1]
        raw += bytes.fromhex(escaped) if len(escaped) == 2 else escaped.encode()
        position = match.end()
    raw += value[position:].encode()
    return raw.decode()


def escape_value(value: str) -> str:
    """A value as it stands in a name."""
    escaped = re.sub(r'([,+"\\<>;=])', r"\\\1", value)
    if escaped.startswith(("#", " ")):
        escaped = "\\" + escaped
    return escaped[:-1] + "\\ " if escaped.endswith(" ") and len(value) > 1 else escaped


def first_value(text: str) -> str:
    """The value of the leaf as it is written, without escapes."""
    return _unescaped(_SPLIT.findall(text)[0].partition("=")[2].strip())
