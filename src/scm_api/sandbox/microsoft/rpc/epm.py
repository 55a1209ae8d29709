"""The endpoint mapper (C706 appendix O): where ICPR listens at present."""

import struct
from collections.abc import Callable
from ipaddress import IPv4Address, ip_address
from typing import Final
from uuid import UUID

from scm_api.sandbox.microsoft.around import Around
from scm_api.sandbox.microsoft.rpc.faults import (
    BAD_STUB_DATA,
    OPERATION_RANGE_ERROR,
    RpcFault,
)
from scm_api.sandbox.microsoft.rpc.interfaces import NDR, Caller, Syntax
from scm_api.sandbox.microsoft.rpc.ndr import NdrReader, NdrWriter

NOT_REGISTERED: Final = 0x16C9A0D6
_EPT_MAP: Final = 3
_HANDLE_SIZE: Final = 20
_MOST_TOWER: Final = 2000
_UUID, _CONNECTION_RPC, _TCP, _IP = 0x0D, 0x0B, 0x07, 0x09


class EndpointMapper:
    """`endpoint` tells the TCP port an interface listens on, None if it is not registered."""

    syntax: Final = Syntax(UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), 3)
    is_offered = True

    def __init__(self, endpoint: Callable[[Syntax], int | None], around: Around) -> None:
        self._endpoint = endpoint
        self._around = around

    async def call(self, operation: int, stub: bytes, caller: Caller) -> bytes:
        if operation != _EPT_MAP:
            raise RpcFault(OPERATION_RANGE_ERROR)
        name = caller.account.sam if caller.account else ""
        return await self._around("ept_map", name, lambda: self._map(stub, caller.called))

    def _map(self, stub: bytes, called: str) -> bytes:
        reader = NdrReader(stub)
        if reader.u32():
            reader.raw(16)
        wanted = _wanted(_tower(reader))
        reader.align(4)
        reader.raw(_HANDLE_SIZE)
        most = reader.u32()
        port = self._endpoint(wanted) if wanted else None
        found = [_encode_tower(wanted, port, called)] if wanted and port and most else []
        return _answer(found, most)


def _tower(reader: NdrReader) -> bytes:
    if not reader.u32():
        return b""
    length = reader.u32()
    if reader.u32() != length or length > _MOST_TOWER:
        raise RpcFault(BAD_STUB_DATA)
    return reader.raw(length)


def _floors(tower: bytes) -> list[tuple[bytes, bytes]]:
    """Left- and right-hand sides (C706 appendix L)."""
    parts: list[bytes] = []
    count = int.from_bytes(tower[:2], "little")
    position = 2
    for _ in range(2 * count):
        length = int.from_bytes(tower[position : position + 2], "little")
        position += 2
        if position + length > len(tower):
            raise RpcFault(BAD_STUB_DATA)
        parts.append(tower[position : position + length])
        position += length
    return list(zip(parts[::2], parts[1::2], strict=True))


def _wanted(tower: bytes) -> Syntax | None:
    """The interface, if it is asked for with NDR over ncacn_ip_tcp."""
    floors = _floors(tower)
    if len(floors) < 4 or any(not left for left, _ in floors):
        return None
    (interface, minor), (transfer, _), (protocol, _), (port, _) = floors[:4]
    if len(interface) != 19 or interface[0] != _UUID or len(minor) != 2:
        return None
    if transfer[1:17] != NDR.uuid.bytes_le or (protocol[0], port[0]) != (_CONNECTION_RPC, _TCP):
        return None
    major = int.from_bytes(interface[17:19], "little")
    return Syntax(UUID(bytes_le=interface[1:17]), major, int.from_bytes(minor, "little"))


def _encode_tower(interface: Syntax, port: int, address: str) -> bytes:
    known = ip_address(address.partition("%")[0])
    ipv4 = known if isinstance(known, IPv4Address) else IPv4Address(0)
    floors = (
        (_syntax_floor(interface), struct.pack("<H", interface.minor)),
        (_syntax_floor(NDR), struct.pack("<H", NDR.minor)),
        (bytes([_CONNECTION_RPC]), b"\x00\x00"),
        (bytes([_TCP]), struct.pack(">H", port)),
        (bytes([_IP]), ipv4.packed),
    )
    sides = (side for floor in floors for side in floor)
    parts = (struct.pack("<H", len(side)) + side for side in sides)
    return struct.pack("<H", len(floors)) + b"".join(parts)


def _syntax_floor(syntax: Syntax) -> bytes:
    return bytes([_UUID]) + syntax.uuid.bytes_le + struct.pack("<H", syntax.major)


def _answer(towers: list[bytes], most: int) -> bytes:
    writer = NdrWriter()
    writer.raw(bytes(_HANDLE_SIZE))
    writer.u32(len(towers))
    for value in (most, 0, len(towers)):
        writer.u32(value)
    for _ in towers:
        writer.referent()
    for tower in towers:
        writer.u32(len(tower))
        writer.u32(len(tower))
        writer.raw(tower)
    writer.u32(0 if towers else NOT_REGISTERED)
    return writer.encode()
