"""PDUs of connection-oriented RPC (C706 12.6, MS-RPCE 2.2.2), little endian."""

import asyncio
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from scm_api.sandbox.microsoft.rpc.faults import ProtocolError

FIRST, LAST, DID_NOT_EXECUTE, OBJECT = 0x01, 0x02, 0x20, 0x80
HEADER_SIGNING: Final = 0x04  # in binds; elsewhere the bit means a pending cancel
WHOLE: Final = FIRST | LAST
HEADER_SIZE: Final = 16
TRAILER_SIZE: Final = 8
MOST_FRAGMENT: Final = 5840
"""The largest fragment Windows negotiates on TCP."""
_LITTLE_ENDIAN_ASCII: Final = b"\x10\x00\x00\x00"


class Kind(IntEnum):
    REQUEST = 0
    RESPONSE = 2
    FAULT = 3
    BIND = 11
    BIND_ACK = 12
    BIND_NAK = 13
    ALTER_CONTEXT = 14
    ALTER_CONTEXT_RESPONSE = 15
    AUTH3 = 16
    CANCEL = 18
    ORPHANED = 19


@dataclass(frozen=True, slots=True)
class Trailer:
    """sec_trailer, and the token or signature behind it."""

    mechanism: int
    level: int
    padding: int
    context: int
    token: bytes

    def encode(self) -> bytes:
        """Without the token."""
        return struct.pack("<BBBxI", self.mechanism, self.level, self.padding, self.context)


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU as it came: `content` is all of it, `body` what is between header and trailer."""

    kind: int
    flags: int
    call: int
    content: bytes
    trailer: Trailer | None

    @property
    def end(self) -> int:
        """Where the body with its padding ends in the content."""
        behind = TRAILER_SIZE + len(self.trailer.token) if self.trailer else 0
        return len(self.content) - behind

    @property
    def body(self) -> bytes:
        padding = self.trailer.padding if self.trailer else 0
        return self.content[HEADER_SIZE : self.end - padding]


async def read_pdu(reader: asyncio.StreamReader) -> Pdu:
    """The next PDU. Raises ProtocolError, and IncompleteReadError at the end of the stream."""
    header = await reader.readexactly(HEADER_SIZE)
    version, minor, kind, flags = header[:4]
    length, auth_length, call = struct.unpack_from("<HHI", header, 8)
    if (version, minor) not in ((5, 0), (5, 1)) or header[4:8] != _LITTLE_ENDIAN_ASCII:
        raise ProtocolError("neither version 5 nor little endian")
    if not HEADER_SIZE <= length <= MOST_FRAGMENT:
        raise ProtocolError("the fragment is of a size that was never negotiated")
    content = header + await reader.readexactly(length - HEADER_SIZE)
    return Pdu(kind, flags, call, content, _trailer(content, auth_length))


def _trailer(content: bytes, auth_length: int) -> Trailer | None:
    if not auth_length:
        return None
    at = len(content) - auth_length - TRAILER_SIZE
    if at < HEADER_SIZE:
        raise ProtocolError("the verifier is longer than its PDU")
    mechanism, level, padding, _, context = struct.unpack_from("<BBBBI", content, at)
    if padding > at - HEADER_SIZE:
        raise ProtocolError("the padding is longer than the body")
    return Trailer(mechanism, level, padding, context, content[at + TRAILER_SIZE :])


def encode_pdu(
    kind: Kind, flags: int, call: int, body: bytes, trailer: Trailer | None = None
) -> bytes:
    """A PDU with its token; the body is padded as its trailer says by the caller."""
    behind = trailer.encode() + trailer.token if trailer else b""
    length = HEADER_SIZE + len(body) + len(behind)
    auth_length = len(trailer.token) if trailer else 0
    header = struct.pack("<BBBB", 5, 0, kind, flags) + _LITTLE_ENDIAN_ASCII
    return header + struct.pack("<HHI", length, auth_length, call) + body + behind


def encode_fault(call: int, context: int, status: int) -> bytes:
    """A fault for a call that was not carried out."""
    body = struct.pack("<IHBxI4x", 32, context, 0, status)
    return encode_pdu(Kind.FAULT, WHOLE | DID_NOT_EXECUTE, call, body)
