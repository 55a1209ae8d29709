"""A DCE/RPC client on a plain socket; its NTLM is pyspnego's."""

import socket
import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

import spnego
from microsoft_domain import PASSWORD
from spnego.iov import BufferType

EPM = UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), 3
ICPR = UUID("91ae6020-9e3c-11cf-8d7c-00aa00c091be"), 0
NDR = UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2
REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK, ALTER, AUTH3 = 0, 2, 3, 11, 12, 13, 14, 16
NTLM, SPNEGO = 10, 9


class Faulted(Exception):
    """A fault PDU; `status` is its code."""

    def __init__(self, status: int) -> None:
        super().__init__(hex(status))
        self.status = status


def syntax(one: tuple[UUID, int]) -> bytes:
    return one[0].bytes_le + struct.pack("<I", one[1])


class Rpc:
    """One connection that is bound by `bind`."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.level = 1
        self.context: Any = None
        self.calls = 0
        self.fragments_of_last_answer = 0
        self.mechanism = NTLM

    def close(self) -> None:
        self.socket.close()

    def send(self, kind: int, body: bytes, flags: int = 3, token: bytes | None = None) -> None:
        trailer = b""
        if token is not None:
            body += bytes(-len(body) % 4)
            trailer = struct.pack("<BBBxI", self.mechanism, self.level, 0, 79231) + token
        length = 16 + len(body) + len(trailer)
        header = struct.pack("<BBBBI", 5, 0, kind, flags, 0x10)
        header += struct.pack("<HHI", length, len(token or b""), self.calls)
        self.socket.sendall(header + body + trailer)

    def receive(self) -> tuple[int, int, bytes, int]:
        """Kind, flags, the whole PDU and the length of its token."""
        header = self._exactly(16)
        length, token = struct.unpack_from("<HH", header, 8)
        return header[2], header[3], header + self._exactly(length - 16), token

    def _exactly(self, size: int) -> bytes:
        content = b""
        while len(content) < size:
            part = self.socket.recv(size - len(content))
            if not part:
                raise EOFError
            content += part
        return content

    def bind(
        self,
        interface: tuple[UUID, int],
        *,
        level: int = 1,
        mechanism: int = NTLM,
        user: str = "CORP\\svc-enroll",
        password: str = PASSWORD,
        transfer: tuple[UUID, int] = NDR,
        tamper: Callable[[bytes], bytes] = bytes,
    ) -> tuple[int, int]:
        """Result and reason of the one context; `tamper` alters the last token."""
        self.level, self.mechanism = level, mechanism
        wanted = struct.pack("<HHIB3xHBx", 5840, 5840, 0, 1, 0, 1)
        wanted += syntax(interface) + syntax(transfer)
        token = None
        if level > 1:
            protocol = "ntlm" if mechanism == NTLM else "negotiate"
            self.context = spnego.client(
                user,
                password,
                "ca.corp.example",
                protocol=protocol,
                options=spnego.NegotiateOptions.use_ntlm
                if mechanism == NTLM
                else spnego.NegotiateOptions.use_negotiate,
            )
            token = self.context.step()
        self.calls += 1
        self.send(BIND, wanted, token=token)
        result, answered = self._bound()
        while answered and not self.context.complete:
            token = self.context.step(answered)
            answered = b""
            if token and self.context.complete and mechanism == NTLM:
                self.send(AUTH3, b"    ", token=tamper(token))
            elif token:
                self.send(ALTER, wanted, token=tamper(token))
                _, answered = self._bound()
                if answered:
                    self.context.step(answered)
        return result

    def _bound(self) -> tuple[tuple[int, int], bytes]:
        kind, _, pdu, token = self.receive()
        if kind == FAULT:
            raise Faulted(struct.unpack_from("<I", pdu, 24)[0])
        if kind == BIND_NAK:
            return (-1, struct.unpack_from("<H", pdu, 16)[0]), b""
        address = struct.unpack_from("<H", pdu, 24)[0]
        results = 26 + address + (-(26 + address) % 4) + 4
        result, reason = struct.unpack_from("<HH", pdu, results)
        return (result, reason), pdu[len(pdu) - token :] if token else b""

    def call(
        self, operation: int, stub: bytes, *, presentation: int = 0, room: int = 4000
    ) -> bytes:
        """The stub of the answer. Raises Faulted, or EOFError where the connection ended."""
        self.calls += 1
        for start in range(0, max(len(stub), 1), room):
            flags = (1 if start == 0 else 0) | (2 if start + room >= len(stub) else 0)
            part = stub[start : start + room]
            self.send_request(operation, part, presentation, flags, len(stub))
        return self.answer()

    def send_request(
        self, operation: int, part: bytes, presentation: int, flags: int, total: int
    ) -> None:
        head = struct.pack("<IHH", total, presentation, operation)
        if self.level < 5:
            self.send(REQUEST, head + part, flags)
            return
        padding = -len(part) % 16
        part += bytes(padding)
        trailer = struct.pack("<BBBxI", self.mechanism, self.level, padding, 79231)
        length = 16 + 8 + len(part) + 8 + 16
        header = struct.pack("<BBBBI", 5, 0, REQUEST, flags, 0x10)
        header += struct.pack("<HHI", length, 16, self.calls) + head
        if self.level == 6:
            wrapped = self.context.wrap_iov(
                [
                    (BufferType.sign_only, header),
                    part,
                    (BufferType.sign_only, trailer),
                    BufferType.header,
                ]
            ).buffers
            sealed, token = wrapped[1].data, wrapped[3].data
        else:
            sealed, token = part, self.context.sign(header + part + trailer)
        self.socket.sendall(header + sealed + trailer + token)

    def answer(self) -> bytes:
        stub = b""
        self.fragments_of_last_answer = 0
        while True:
            kind, flags, pdu, token = self.receive()
            if kind == FAULT:
                raise Faulted(struct.unpack_from("<I", pdu, 24)[0])
            assert kind == RESPONSE
            self.fragments_of_last_answer += 1
            stub += self._clear(pdu, token)
            if flags & 2:
                return stub

    def _clear(self, pdu: bytes, token: int) -> bytes:
        if not token:
            return pdu[24:]
        end = len(pdu) - token - 8
        trailer, signature = pdu[end : end + 8], pdu[-token:]
        part = pdu[24:end]
        if self.level == 6:
            part = (
                self.context.unwrap_iov(
                    [
                        (BufferType.sign_only, pdu[:24]),
                        part,
                        (BufferType.sign_only, trailer),
                        (BufferType.header, signature),
                    ]
                )
                .buffers[1]
                .data
            )
        else:
            self.context.verify(pdu[:-token], signature)
        return part[: len(part) - trailer[2]]


def blob(content: bytes) -> bytes:
    if not content:
        return bytes(8)
    return struct.pack("<III", len(content), 0x20004, len(content)) + content


def request_stub(authority: str, attributes: str, request: bytes, request_id: int = 0) -> bytes:
    """What CertServerRequest takes."""
    name = f"{authority}\0".encode("utf-16-le")
    count = len(name) // 2
    stub = struct.pack("<IIIII", 0, 0x20000, count, 0, count) + name
    stub += bytes(-len(stub) % 4) + struct.pack("<I", request_id)
    stub += blob(f"{attributes}\0".encode("utf-16-le") if attributes else b"")
    stub += bytes(-len(stub) % 4)
    return stub + blob(request)


def answered(stub: bytes) -> dict[str, Any]:
    """What CertServerRequest gives back."""
    request_id, disposition = struct.unpack_from("<II", stub)
    at, blobs = 8, []
    for _ in range(3):
        at += -at % 4
        length, pointer = struct.unpack_from("<II", stub, at)
        at += 8
        if pointer:
            assert struct.unpack_from("<I", stub, at)[0] == length
            at += 4
        blobs.append(stub[at : at + length])
        at += length
    at += -at % 4
    (code,) = struct.unpack_from("<I", stub, at)
    assert at + 4 == len(stub)
    names = ("id", "disposition", "chain", "leaf", "message", "code")
    return dict(zip(names, (request_id, disposition, *blobs, code), strict=True))


def map_stub(interface: tuple[UUID, int], protocol: int = 0x0B) -> bytes:
    """What ept_map takes."""
    floors = [
        (b"\x0d" + interface[0].bytes_le + struct.pack("<H", interface[1]), bytes(2)),
        (b"\x0d" + NDR[0].bytes_le + struct.pack("<H", NDR[1]), bytes(2)),
        (bytes([protocol]), bytes(2)),
        (b"\x07", struct.pack(">H", 135)),
        (b"\x09", bytes(4)),
    ]
    tower = struct.pack("<H", len(floors))
    for floor in floors:
        tower += b"".join(struct.pack("<H", len(side)) + side for side in floor)
    stub = struct.pack("<I16sIII", 1, bytes(16), 2, len(tower), len(tower)) + tower
    return stub + bytes(-len(stub) % 4) + bytes(20) + struct.pack("<I", 4)


def mapped(stub: bytes) -> tuple[int | None, int]:
    """The port of the first tower, and the status."""
    (status,) = struct.unpack_from("<I", stub, len(stub) - 4)
    (count,) = struct.unpack_from("<I", stub, 20)
    if not count:
        return None, status
    length = struct.unpack_from("<I", stub, 24 + 12 + 4 * count)[0]
    tower = stub[24 + 12 + 4 * count + 8 :][:length]
    at, floors = 2, []
    for _ in range(struct.unpack_from("<H", tower)[0] * 2):
        size = struct.unpack_from("<H", tower, at)[0]
        floors.append(tower[at + 2 : at + 2 + size])
        at += 2 + size
    return struct.unpack(">H", floors[7])[0], status
