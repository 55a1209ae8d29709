"""BER as RFC 4511 5.1 restricts it: definite lengths, primitive strings."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET, BOOLEAN = 0x02, 0x04, 0x0A, 0x30, 0x31, 0x01
MOST_MESSAGE: Final = 10 * 1024 * 1024
"""MaxReceiveBuffer of AD."""


class BerError(Exception):
    """What was received is no LDAP; AD ends the connection."""


@dataclass(frozen=True, slots=True)
class Tlv:
    """One element by its identifier octet."""

    tag: int
    content: bytes

    def elements(self) -> list["Tlv"]:
        """What a constructed element is made of. Raises BerError."""
        if not self.tag & 0x20:
            raise BerError("a primitive element where a constructed one belongs")
        found: list[Tlv] = []
        position = 0
        while position < len(self.content):
            element, position = _element(self.content, position)
            found.append(element)
        return found

    def expect(self, tag: int) -> "Tlv":
        """Itself. Raises BerError for another tag."""
        if self.tag != tag:
            raise BerError(f"tag 0x{self.tag:02x} where 0x{tag:02x} belongs")
        return self

    def integer(self, tag: int = INTEGER) -> int:
        content = self.expect(tag).content
        if not 1 <= len(content) <= 8:
            raise BerError("an integer of no or more than 8 bytes")
        return int.from_bytes(content, "big", signed=True)

    def text(self, tag: int = OCTETS) -> str:
        try:
            return self.expect(tag).content.decode()
        except UnicodeDecodeError:
            raise BerError("a string that is not UTF-8") from None

    def boolean(self, tag: int = BOOLEAN) -> bool:
        content = self.expect(tag).content
        if len(content) != 1:
            raise BerError("a boolean that is not one byte")
        return content != b"\0"


def decode(content: bytes) -> Tlv:
    """The only element of the content. Raises BerError."""
    element, end = _element(content, 0)
    if end != len(content):
        raise BerError("something behind the element")
    return element


def _element(content: bytes, position: int) -> tuple[Tlv, int]:
    try:
        tag, first = content[position], content[position + 1]
    except IndexError:
        raise BerError("an element that ends early") from None
    if tag & 0x1F == 0x1F:
        raise BerError("a tag of more than one byte")
    start, length = position + 2, first
    if first & 0x80:
        count = first & 0x7F
        if not 1 <= count <= 4 or start + count > len(content):
            raise BerError("a length that is indefinite or too long")
        length = int.from_bytes(content[start : start + count], "big")
        start += count
    if start + length > len(content):
        raise BerError("an element that ends early")
    return Tlv(tag, content[start : start + length]), start + length


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """The next LDAPMessage. Raises BerError, and IncompleteReadError at the end of the stream."""
    head = await reader.readexactly(2)
    if head[0] != SEQUENCE:
        raise BerError("something that is no LDAPMessage")
    length = head[1]
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:
            raise BerError("a length that is indefinite or too long")
        more = await reader.readexactly(count)
        head += more
        length = int.from_bytes(more, "big")
    if length > MOST_MESSAGE:
        raise BerError("a message beyond MaxReceiveBuffer")
    return head + await reader.readexactly(length)


def encode(tag: int, content: bytes | Iterable[bytes] = b"") -> bytes:
    """One element; several parts are put behind each other."""
    joined = content if isinstance(content, bytes) else b"".join(content)
    length = len(joined)
    if length < 0x80:
        return bytes((tag, length)) + joined
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + joined


def encode_integer(value: int, tag: int = INTEGER) -> bytes:
    return encode(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def encode_text(value: str, tag: int = OCTETS) -> bytes:
    return encode(tag, value.encode())
