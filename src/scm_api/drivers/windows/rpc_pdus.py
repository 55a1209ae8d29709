"""The PDUs of connection-oriented DCE/RPC that we need (C706 chapter 12, MS-RPCE 2.2.2), and the
look-up of a port by the endpoint mapper (C706 appendices I and L). Little endian, NDR32 only."""

import struct
from dataclasses import dataclass
from typing import Final
from uuid import UUID

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK = 0, 2, 3, 11, 12, 13
ALTER_CONTEXT, ALTER_CONTEXT_RESPONSE, AUTH_3 = 14, 15, 16
FIRST, LAST, SIGNS_HEADERS = 0x01, 0x02, 0x04
HEADER_LENGTH: Final = 16
TRAILER_LENGTH: Final = 8
FRAGMENT: Final = 5840
PRIVACY: Final = 6

EPM_MAP: Final = 3
EPT_NOT_REGISTERED: Final = 0x16C9A0D6
_NDR32: Final = UUID("8a885d04-1ceb-11c9-9fe8-08002b104860").bytes_le + struct.pack("<I", 2)


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of a service. `absent` says to an administrator, as the rest of a sentence, why
    a server may not have it, `needed` which right it takes besides that to log on."""

    uuid: UUID
    major: int = 0
    minor: int = 0
    absent: str = "its service does not run"
    needed: str = ""


EPM: Final = Interface(UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), 3)


@dataclass(frozen=True, slots=True)
class Pdu:
    """One fragment. `head` is the common header and, for requests and responses, the next eight
    bytes; `trailer` and `token` are empty without authentication."""

    kind: int
    flags: int
    head: bytes
    body: bytes
    trailer: bytes
    token: bytes

    @property
    def padding(self) -> int:
        """How many bytes at the end of the body are there for alignment alone."""
        return self.trailer[2] if self.trailer else 0


def header(kind: int, flags: int, length: int, token_length: int, call: int) -> bytes:
    """The common header of a fragment of `length` bytes."""
    return struct.pack("<BBBBIHHI", 5, 0, kind, flags, 0x10, length, token_length, call)


def trailer(service: int, padding: int) -> bytes:
    """What stands before an authentication token."""
    return struct.pack("<BBBBI", service, PRIVACY, padding, 0, 0)


def pdu(
    kind: int, flags: int, call: int, body: bytes, service: int = 0, token: bytes = b""
) -> bytes:
    """A whole fragment that is not sealed."""
    tail = b""
    if token:
        padding = -len(body) % 4
        tail = bytes(padding) + trailer(service, padding) + token
    length = HEADER_LENGTH + len(body) + len(tail)
    return header(kind, flags, length, len(token), call) + body + tail


def length_of(head: bytes) -> tuple[int, int]:
    """Length of the whole fragment and number of the call, by its common header.

    Raises ValueError for what is none.
    """
    major, minor, _, _, drep, length, _, call = struct.unpack("<BBBBIHHI", head)
    if (major, minor) != (5, 0) or drep & 0xFF != 0x10 or length < HEADER_LENGTH:
        raise ValueError("no fragment of DCE/RPC")
    return length, call


def parse(raw: bytes) -> Pdu:
    """Take a fragment apart. Raises ValueError."""
    kind, flags = raw[2], raw[3]
    (token_length,) = struct.unpack_from("<H", raw, 10)
    split = HEADER_LENGTH + (8 if kind in (RESPONSE, FAULT) else 0)
    end = len(raw)
    if token_length:
        end -= token_length + TRAILER_LENGTH
    if end < split:
        raise ValueError("a fragment of DCE/RPC is too short")
    tail = raw[end : end + TRAILER_LENGTH] if token_length else b""
    return Pdu(kind, flags, raw[:split], raw[split:end], tail, raw[end + len(tail) :])


def bind_body(interface: Interface) -> bytes:
    """One presentation context: the interface in NDR32."""
    sizes = struct.pack("<HHI", FRAGMENT, FRAGMENT, 0)
    version = struct.pack("<HH", interface.major, interface.minor)
    one = struct.pack("<BxxxHBx", 1, 0, 1)
    return sizes + one + interface.uuid.bytes_le + version + _NDR32


def bind_result(body: bytes) -> tuple[int, int]:
    """The longest fragment the server takes, and 0 where it has the interface, else the reason.

    Raises ValueError for what is no answer to a bind.
    """
    try:
        longest, secondary = struct.unpack_from("<2xH4xH", body)
        offset = 10 + secondary
        offset += -offset % 4
        result, reason = struct.unpack_from("<4xHH", body, offset)
    except struct.error as error:
        raise ValueError("no answer to a bind") from error
    return longest, (reason or 0xFFFF) if result else 0


def map_request(interface: Interface) -> bytes:
    """The stub of ept_map: on which TCP port is the interface?"""
    major, minor = struct.pack("<H", interface.major), struct.pack("<H", interface.minor)
    floors = (
        (b"\x0d" + interface.uuid.bytes_le + major, minor),
        (b"\x0d" + _NDR32[:18], bytes(2)),
        (b"\x0b", bytes(2)),
        (b"\x07", struct.pack(">H", 135)),
        (b"\x09", bytes(4)),
    )
    tower = struct.pack("<H", len(floors))
    for left, right in floors:
        tower += struct.pack("<H", len(left)) + left + struct.pack("<H", len(right)) + right
    pointer = struct.pack("<I", 1) + bytes(16) + struct.pack("<III", 2, len(tower), len(tower))
    return pointer + tower + bytes(-len(tower) % 4) + bytes(20) + struct.pack("<I", 4)


def map_response(stub: bytes) -> int | None:
    """The port; None where the interface is not registered. Raises ValueError."""
    try:
        (status,) = struct.unpack("<I", stub[-4:])
        (count,) = struct.unpack_from("<I", stub, 32)
        if status == EPT_NOT_REGISTERED or (status == 0 and count == 0):
            return None
        offset = 36 + 4 * count
        for _ in range(min(count, 4)):
            (length,) = struct.unpack_from("<I", stub, offset)
            port = _port(stub[offset + 8 : offset + 8 + length])
            if port:
                return port
            offset += 8 + length + -length % 4
    except struct.error as error:
        raise ValueError("no answer of an endpoint mapper") from error
    raise ValueError(f"the endpoint mapper answered with status 0x{status:08X}")


def _port(tower: bytes) -> int | None:
    (floors,) = struct.unpack_from("<H", tower)
    offset = 2
    for _ in range(floors):
        (left,) = struct.unpack_from("<H", tower, offset)
        (right,) = struct.unpack_from("<H", tower, offset + 2 + left)
        if left == 1 and tower[offset + 2] == 0x07 and right == 2:
            return int(struct.unpack_from(">H", tower, offset + 4 + left)[0])
        offset += 4 + left + right
    return None
