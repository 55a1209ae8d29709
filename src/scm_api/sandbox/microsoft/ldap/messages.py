"""LDAPMessages (RFC 4511): requests read, responses written."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from scm_api.sandbox.microsoft.ldap.ber import (
    ENUMERATED,
    OCTETS,
    SEQUENCE,
    SET,
    BerError,
    Tlv,
    decode,
    encode,
    encode_integer,
    encode_text,
)
from scm_api.sandbox.microsoft.ldap.filters import Filter, parse_filter

BIND, UNBIND, SEARCH, ABANDON, EXTENDED = 0x60, 0x42, 0x63, 0x50, 0x77
BIND_RESPONSE, ENTRY, DONE, REFERENCE, EXTENDED_RESPONSE = 0x61, 0x64, 0x65, 0x73, 0x78
ANSWERS: Final = {0x66: 0x67, 0x68: 0x69, 0x4A: 0x6B, 0x6C: 0x6D, 0x6E: 0x6F}
"""Requests to modify, add, delete, rename and compare, and the tags of their answers."""


class Code(IntEnum):
    SUCCESS = 0
    OPERATIONS_ERROR = 1
    PROTOCOL_ERROR = 2
    SIZE_LIMIT_EXCEEDED = 4
    AUTH_METHOD_NOT_SUPPORTED = 7
    STRONGER_AUTH_REQUIRED = 8
    REFERRAL = 10
    UNAVAILABLE_CRITICAL_EXTENSION = 12
    SASL_BIND_IN_PROGRESS = 14
    NO_SUCH_OBJECT = 32
    INVALID_DN_SYNTAX = 34
    INVALID_CREDENTIALS = 49
    INSUFFICIENT_ACCESS_RIGHTS = 50
    BUSY = 51
    UNAVAILABLE = 52
    UNWILLING_TO_PERFORM = 53


@dataclass(frozen=True, slots=True)
class Control:
    kind: str
    is_critical: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class Message:
    number: int
    operation: Tlv
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True)
class BindRequest:
    """`method` is the tag: 0x80 simple, 0xA3 SASL, 0x89 to 0x8B Sicily (MS-ADTS 5.1.1.1.3)."""

    version: int
    name: str
    method: int
    mechanism: str
    credentials: bytes


@dataclass(frozen=True, slots=True)
class SearchRequest:
    base: str
    scope: int
    size_limit: int
    types_only: bool
    filter: Filter
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """An LDAPResult."""

    code: Code
    diagnostic: str = ""
    matched: bytes = b""
    referrals: tuple[str, ...] = ()

    def encode(self, tag: int, more: bytes = b"") -> bytes:
        """`more` is what the kind of response adds."""
        diagnostic = f"{self.diagnostic}\0" if self.diagnostic else ""
        parts = [
            encode_integer(self.code, ENUMERATED),
            encode(OCTETS, self.matched),
            encode_text(diagnostic),
        ]
        if self.referrals:
            parts.append(encode(0xA3, [encode_text(each) for each in self.referrals]))
        return encode(tag, [*parts, more])


class LdapRefusal(Exception):
    """Answer the operation with this result."""

    def __init__(self, code: Code, diagnostic: str = "") -> None:
        super().__init__(diagnostic)
        self.result = Result(code, diagnostic)


def decode_message(content: bytes) -> Message:
    """Raises BerError for what is no LDAPMessage."""
    parts = decode(content).expect(SEQUENCE).elements()
    if not 2 <= len(parts) <= 3:
        raise BerError("a message with parts too many or too few")
    controls = parts[2].expect(0xA0).elements() if len(parts) == 3 else []
    number = parts[0].integer()
    if not 0 < number < 2**31:
        raise BerError("a message without a number of its own")
    return Message(number, parts[1], tuple(_control(each) for each in controls))


def _control(element: Tlv) -> Control:
    kind, *more = _some(element.expect(SEQUENCE))
    is_critical, value = False, b""
    for each in more:
        if each.tag == OCTETS:
            value = each.content
        else:
            is_critical = each.boolean()
    return Control(kind.text(), is_critical, value)


def _some(element: Tlv) -> list[Tlv]:
    if not (found := element.elements()):
        raise BerError("a sequence with nothing in it")
    return found


def decode_bind(operation: Tlv) -> BindRequest:
    """Raises BerError."""
    parts = operation.elements()
    if len(parts) != 3:
        raise BerError("a bind with parts too many or too few")
    version, name, method = parts
    mechanism, credentials = "", method.content
    if method.tag == 0xA3:
        described, *given = _some(method)
        mechanism = described.text()
        credentials = given[0].expect(OCTETS).content if given else b""
    return BindRequest(version.integer(), name.text(), method.tag, mechanism, credentials)


def decode_search(operation: Tlv) -> SearchRequest:
    """Raises BerError."""
    parts = operation.elements()
    if len(parts) != 8:
        raise BerError("a search with parts too many or too few")
    base, scope, _, size, _, types_only, wanted, attributes = parts
    named = tuple(each.text() for each in attributes.expect(SEQUENCE).elements())
    scoped = scope.integer(ENUMERATED)
    if scoped not in (0, 1, 2) or size.integer() < 0:
        raise BerError("a search in an unknown scope")
    return SearchRequest(
        base.text(), scoped, size.integer(), types_only.boolean(), parse_filter(wanted), named
    )


def encode_message(number: int, operation: bytes, controls: bytes = b"") -> bytes:
    """`controls` are encoded one by one already."""
    listed = encode(0xA0, controls) if controls else b""
    return encode(SEQUENCE, [encode_integer(number), operation, listed])


def encode_control(kind: str, value: bytes) -> bytes:
    return encode(SEQUENCE, [encode_text(kind), encode(OCTETS, value)])


def encode_entry(dn: str, attributes: list[tuple[str, tuple[bytes, ...]]]) -> bytes:
    listed = [
        encode(SEQUENCE, [encode_text(name), encode(SET, [encode(OCTETS, one) for one in values])])
        for name, values in attributes
    ]
    return encode(ENTRY, [encode_text(dn), encode(SEQUENCE, listed)])


def encode_reference(url: str) -> bytes:
    return encode(REFERENCE, encode_text(url))
