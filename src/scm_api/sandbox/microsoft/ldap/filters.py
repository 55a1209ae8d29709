"""Search filters: read from BER, written as RFC 4515, evaluated with three truth values."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from scm_api.sandbox.microsoft.ldap.ber import OCTETS, BerError, Tlv
from scm_api.sandbox.microsoft.ldap.entries import Entry, syntax_of
from scm_api.sandbox.microsoft.ldap.names import first_value, parse_name

BIT_AND: Final = "1.2.840.113556.1.4.803"
_AND, _EQUALITY, _GREATER, _LESS, _APPROXIMATE = 0xA0, 0xA3, 0xA5, 0xA6, 0xA8
_DEEPEST: Final = 100
_WORD: Final = 0xFFFFFFFF

Chain = Callable[[Entry, str, bytes], bool]
"""Whether an entry leads to a name by links of an attribute, however many."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`text` is RFC 4515; `holds` tells True, False, or None for what cannot be told."""

    text: str
    holds: Callable[[Entry, Chain], bool | None]


def parse_filter(element: Tlv, depth: int = 0) -> Filter:
    """Raises BerError for what is no filter."""
    if depth > _DEEPEST:
        raise BerError("a filter nested too deeply")
    match element.tag:
        case 0xA0 | 0xA1:
            parts = [parse_filter(each, depth + 1) for each in element.elements()]
            return _all(parts) if element.tag == _AND else _any(parts)
        case 0xA2:
            (inner,) = _exactly(element, 1)
            return _not(parse_filter(inner, depth + 1))
        case 0x87:
            return _present(Tlv(OCTETS, element.content).text())
        case 0xA4:
            return _substrings(element)
        case 0xA9:
            return _extensible(element)
        case 0xA3 | 0xA5 | 0xA6 | 0xA8:
            attribute, value = _exactly(element, 2)
            return _comparison(element.tag, attribute.text(), value.expect(OCTETS).content)
    raise BerError("a filter of an unknown kind")


def _exactly(element: Tlv, count: int) -> list[Tlv]:
    found = element.elements()
    if len(found) != count:
        raise BerError("a filter with parts too many or too few")
    return found


def _all(parts: list[Filter]) -> Filter:
    def holds(entry: Entry, chain: Chain) -> bool | None:
        told = [each.holds(entry, chain) for each in parts]
        return False if False in told else None if None in told else True

    return Filter(f"(&{''.join(each.text for each in parts)})", holds)


def _any(parts: list[Filter]) -> Filter:
    def holds(entry: Entry, chain: Chain) -> bool | None:
        told = [each.holds(entry, chain) for each in parts]
        return True if True in told else None if None in told else False

    return Filter(f"(|{''.join(each.text for each in parts)})", holds)


def _not(inner: Filter) -> Filter:
    def holds(entry: Entry, chain: Chain) -> bool | None:
        told = inner.holds(entry, chain)
        return None if told is None else not told

    return Filter(f"(!{inner.text})", holds)


def _present(attribute: str) -> Filter:
    return Filter(f"({attribute}=*)", lambda entry, _: bool(entry.values(attribute)))


def _comparison(tag: int, attribute: str, wanted: bytes) -> Filter:
    sign = {_EQUALITY: "=", _GREATER: ">=", _LESS: "<=", _APPROXIMATE: "~="}[tag]

    def holds(entry: Entry, _: Chain) -> bool | None:
        if tag in (_EQUALITY, _APPROXIMATE):
            return any(_is_same(attribute, each, wanted) for each in entry.values(attribute))
        keys = [
            (_order(attribute, each), _order(attribute, wanted)) for each in entry.values(attribute)
        ]
        if tag == _GREATER:
            return any(found >= limit for found, limit in keys)
        return any(found <= limit for found, limit in keys)

    return Filter(f"({attribute}{sign}{_escaped(wanted)})", holds)


def _substrings(element: Tlv) -> Filter:
    described, listed = _exactly(element, 2)
    attribute = described.text()
    pieces = [(each.tag, each.content) for each in listed.elements()]
    tags = [tag for tag, _ in pieces]
    is_ordered = bool(tags) and all(tag in (0x80, 0x81, 0x82) for tag in tags)
    if not is_ordered or 0x80 in tags[1:] or 0x82 in tags[:-1]:
        raise BerError("substrings in an order that cannot be")
    start = pieces[0][1] if tags[0] == 0x80 else b""
    end = pieces[-1][1] if tags[-1] == 0x82 else b""
    middle = [content for tag, content in pieces if tag == 0x81]

    def holds(entry: Entry, _: Chain) -> bool | None:
        fold = _folded if syntax_of(attribute) == "text" else bytes
        wanted = fold(start), [fold(each) for each in middle], fold(end)
        return any(_has_pieces(fold(each), *wanted) for each in entry.values(attribute))

    written = "*".join(_escaped(each) for each in (start, *middle, end))
    return Filter(f"({attribute}={written})", holds)


def _has_pieces(value: bytes, start: bytes, middle: list[bytes], end: bytes) -> bool:
    if not value.startswith(start):
        return False
    position = len(start)
    for piece in middle:
        found = value.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return value.endswith(end) and len(value) - len(end) >= position


def _extensible(element: Tlv) -> Filter:
    parts = {each.tag: each for each in element.elements()}
    if 0x83 not in parts or parts.keys() - {0x81, 0x82, 0x83, 0x84}:
        raise BerError("a matching rule assertion without a value")
    rule = parts[0x81].text(0x81) if 0x81 in parts else ""
    attribute = parts[0x82].text(0x82) if 0x82 in parts else ""
    wanted = parts[0x83].content

    def holds(entry: Entry, chain: Chain) -> bool | None:
        values = entry.values(attribute)
        match rule:
            case "1.2.840.113556.1.4.1941":
                return chain(entry, attribute, wanted)
            case "1.2.840.113556.1.4.803" | "1.2.840.113556.1.4.804":
                mask = _number(wanted)
                if mask is None or syntax_of(attribute) != "integer":
                    return None
                mask &= _WORD  # may be written with or without its sign
                bits = [mask & (_number(each) or 0) for each in values]
                return any(each == mask if rule == BIT_AND else each != 0 for each in bits)
            case "":
                return any(_is_same(attribute, each, wanted) for each in values)
        return None

    described = f"{attribute}:{rule}:=" if rule else f"{attribute}:="
    return Filter(f"({described}{_escaped(wanted)})", holds)


def _is_same(attribute: str, found: bytes, wanted: bytes) -> bool:
    match syntax_of(attribute):
        case "bytes":
            return found == wanted
        case "integer":
            return _number(found) == _number(wanted)
        case "name":
            if attribute.casefold() == "objectcategory" and b"=" not in wanted:
                return _is_category(found, wanted)
            try:
                return parse_name(found.decode()) == parse_name(wanted.decode())
            except ValueError:
                return False
    return _folded(found) == _folded(wanted)


def _is_category(found: bytes, wanted: bytes) -> bool:
    """A class may stand for the name of its category (MS-ADTS 3.1.1.3.1.3.5)."""
    category = first_value(found.decode()).replace("-", "").casefold()
    named = wanted.decode(errors="replace").casefold()
    return category == {"user": "person"}.get(named, named)


def _order(attribute: str, value: bytes) -> tuple[int, bytes]:
    if syntax_of(attribute) == "integer":
        return _number(value) or 0, b""
    return 0, _folded(value)


def _number(value: bytes) -> int | None:
    try:
        return int(value)
    except ValueError:
        return None


def _folded(value: bytes) -> bytes:
    return value.decode(errors="surrogateescape").casefold().encode(errors="surrogateescape")


def _escaped(value: bytes) -> str:
    """RFC 4515 3; what is not UTF-8 is escaped byte by byte."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "".join(f"\\{each:02x}" for each in value)
    special = {"*": "\\2a", "(": "\\28", ")": "\\29", "\\": "\\5c", "\0": "\\00"}
    return "".join(special.get(each, each) for each in text)
