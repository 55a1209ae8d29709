"""Calls an interface of a Windows server by DCE/RPC over TCP, sealed (packet privacy)."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from spnego.exceptions import SpnegoError
from spnego.iov import BufferType

from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    DriverError,
    OutcomeUnknown,
    only_asking,
)
from scm_api.drivers.streams import Stream, open_stream
from scm_api.drivers.windows import rpc_pdus as pdus
from scm_api.drivers.windows.logon import Logon
from scm_api.drivers.windows.rpc_pdus import Interface, Pdu

_LONGEST_ANSWER: Final = 8 * 1024 * 1024
_CONNECT_SECONDS: Final = 20.0
_MOST_LEGS: Final = 5
EPM_PORT: Final = 135
_SERVICES: Final = {"ntlm": 10, "kerberos": 9}  # RPC_C_AUTHN_WINNT, RPC_C_AUTHN_GSS_NEGOTIATE
_ROOM: Final = 256  # for header, padding, trailer and the token of any mechanism
# Access denied; nca_s_proto_error, which Samba sends for a logon that failed.
_NOT_LET_IN: Final = {0x5, 0x1C01000B}
_TOO_BUSY: Final = 0x1C010014
# Faults before anything is executed: nca_s_op_rng_error, nca_s_unk_if (C706 appendix E).
_BEFORE_EXECUTION: Final = {0x1C010002, 0x1C010003}


@asynccontextmanager
async def connected(
    host: str,
    port: int | None,
    interface: Interface,
    logon: Logon,
    *,
    mapper_port: int = EPM_PORT,
) -> AsyncIterator["Connection"]:
    """A sealed connection to the interface, on `port` or where the endpoint mapper has it.

    Raises BackendRefused and BackendUnavailable: nothing was asked yet.
    """
    connection = None
    try:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                if port is None:
                    port = await _mapped(host, mapper_port, interface)
                connection = Connection(host, interface, await open_stream(host, port))
                await connection.bind(logon)
        except (OSError, TimeoutError, EOFError, ValueError) as error:
            raise BackendUnavailable(
                f"{host} did not answer RPC: {str(error) or 'it hung up'}."
            ) from error
        yield connection
    finally:
        if connection is not None:
            connection.close()


async def _mapped(host: str, mapper_port: int, interface: Interface) -> int:
    mapper = Connection(host, pdus.EPM, await open_stream(host, mapper_port))
    try:
        await mapper.bind(None)
        with only_asking():
            request = pdus.map_request(interface)
            answer = await mapper.call(pdus.EPM_MAP, request, _CONNECT_SECONDS)
    finally:
        mapper.close()
    found = pdus.map_response(answer)
    if found is None:
        detail = (
            f"The endpoint mapper of {host} has no such interface (ept_s_not_registered): "
            f"{interface.absent}."
        )
        raise BackendUnavailable(detail)
    return found


class Connection:
    """One association with one interface; one call at a time.

    Nothing signs a fault: whoever sits on the wire can send one. To the first call it may be true,
    since a logon that failed shows no other way; once an answer was sealed, it proves nothing.
    """

    def __init__(self, host: str, interface: Interface, stream: Stream) -> None:
        self._host = host
        self._interface = interface
        self._reader, self._writer = stream
        self._context: Any = None
        self._service = 0
        self._longest = pdus.FRAGMENT
        self._number = 1  # of the call
        self._answered = False

    def close(self) -> None:
        """Drop the connection."""
        self._writer.transport.abort()

    async def bind(self, logon: Logon | None) -> None:
        """Agree on the interface and log on. Raises BackendRefused, and ValueError for nonsense."""
        token = b""
        if logon is not None:
            self._service = _SERVICES[logon.method]
            self._context = await logon.context("host", self._host, None)
            token = await logon.step(self._context, None) or b""
        body, kind = pdus.bind_body(self._interface), pdus.BIND
        for _ in range(_MOST_LEGS):
            answer = await self._leg(kind, body, token)
            if kind == pdus.BIND:
                self._agree(answer)
            if logon is None or self._context.complete:
                return
            token = await logon.step(self._context, answer.token) or b""
            if logon.method == "ntlm":  # its third leg is not answered
                flags = pdus.FIRST | pdus.LAST
                self._writer.write(
                    pdus.pdu(pdus.AUTH_3, flags, self._number, bytes(4), self._service, token)
                )
                return
            if self._context.complete and not token:
                return
            kind = pdus.ALTER_CONTEXT
        raise ValueError("the logon does not come to an end")

    def _agree(self, answer: Pdu) -> None:
        longest, reason = pdus.bind_result(answer.body)
        if reason:
            which = self._interface.uuid
            raise BackendUnavailable(f"{self._host} has no RPC interface {which} ({reason}).")
        if self._service == _SERVICES["kerberos"] and not answer.flags & pdus.SIGNS_HEADERS:
            raise BackendRefused(f"{self._host} does not sign RPC headers, which Kerberos needs.")
        self._longest = max(min(longest, pdus.FRAGMENT), 1024)

    async def _leg(self, kind: int, body: bytes, token: bytes) -> Pdu:
        flags = pdus.FIRST | pdus.LAST | (pdus.SIGNS_HEADERS if token else 0)
        self._writer.write(pdus.pdu(kind, flags, self._number, body, self._service, token))
        answer = await self._fragment()
        if answer.kind == pdus.BIND_NAK or (answer.kind == pdus.FAULT and token):
            raise self._not_let_in()
        if answer.kind not in (pdus.BIND_ACK, pdus.ALTER_CONTEXT_RESPONSE):
            raise ValueError(f"answer of type {answer.kind} to a bind")
        return answer

    async def call(self, operation: int, stub: bytes, seconds: float) -> bytes:
        """The stub of the answer, which may take so long. Raises BackendUnavailable and
        BackendRefused where the call was certainly not executed, OutcomeUnknown where it may have
        been."""
        self._number += 1
        try:
            async with asyncio.timeout(seconds):
                answer = await self._called(operation, stub)
        except TimeoutError as error:
            detail = f"{self._host} did not answer within {seconds:g} seconds."
            raise OutcomeUnknown(detail) from error
        self._answered = True
        return answer

    async def _called(self, operation: int, stub: bytes) -> bytes:
        *before, last = self._requests(operation, stub)
        try:
            for fragment in before:
                self._writer.write(fragment)
                await self._writer.drain()
        except OSError as error:
            raise BackendUnavailable(f"{self._host} hung up before the request.") from error
        try:
            self._writer.write(last)
            return await self._answer()
        except (OSError, EOFError, ValueError) as error:
            detail = (
                f"{self._host} gave no whole answer to the request: {str(error) or 'it hung up'}."
            )
            raise OutcomeUnknown(detail) from error

    def _requests(self, operation: int, stub: bytes) -> list[bytes]:
        size = (self._longest - _ROOM) // 16 * 16
        parts = [stub[start : start + size] for start in range(0, len(stub), size)]
        made = []
        for index, part in enumerate(parts):
            flags = (pdus.FIRST if index == 0 else 0) | (pdus.LAST if part is parts[-1] else 0)
            asked = struct.pack("<IHH", len(stub) - index * size, 0, operation)
            if self._context is None:
                made.append(pdus.pdu(pdus.REQUEST, flags, self._number, asked + part))
            else:
                made.append(self._sealed(flags, asked, part))
        return made

    def _sealed(self, flags: int, asked: bytes, part: bytes) -> bytes:
        """The signature covers the whole fragment, header and trailer too (MS-RPCE 2.2.2.11)."""
        padding = -len(part) % 16
        token_length = self._context.query_message_sizes().header
        length = pdus.HEADER_LENGTH + len(asked) + len(part) + padding
        length += pdus.TRAILER_LENGTH + token_length
        head = pdus.header(pdus.REQUEST, flags, length, token_length, self._number) + asked
        tail = pdus.trailer(self._service, padding)
        sealed = self._context.wrap_iov(
            [
                (BufferType.sign_only, head),
                part + bytes(padding),
                (BufferType.sign_only, tail),
                BufferType.header,
            ]
        ).buffers
        return head + bytes(sealed[1].data) + tail + bytes(sealed[3].data)

    async def _answer(self) -> bytes:
        parts: list[bytes] = []
        while True:
            found = await self._fragment()
            if found.kind == pdus.FAULT:
                raise self._fault(found)
            if found.kind != pdus.RESPONSE:
                raise ValueError(f"a fragment of type {found.kind}")
            parts.append(found.body if self._context is None else self._opened(found))
            if sum(map(len, parts)) > _LONGEST_ANSWER:
                raise ValueError("it is longer than is read")
            if found.flags & pdus.LAST:
                return b"".join(parts)

    def _opened(self, found: Pdu) -> bytes:
        if not found.token:
            raise ValueError("it is not sealed")
        try:
            opened = self._context.unwrap_iov(
                [
                    (BufferType.sign_only, found.head),
                    found.body,
                    (BufferType.sign_only, found.trailer),
                    (BufferType.header, found.token),
                ]
            ).buffers
        except SpnegoError as error:
            raise ValueError("its seal is broken") from error
        stub = bytes(opened[1].data)
        return stub[: len(stub) - found.padding]

    async def _fragment(self) -> Pdu:
        await self._writer.drain()
        head = await self._reader.readexactly(pdus.HEADER_LENGTH)
        length, call = pdus.length_of(head)
        rest = await self._reader.readexactly(length - len(head))
        if call != self._number:
            raise ValueError("an answer to another call")
        return pdus.parse(head + rest)

    def _fault(self, found: Pdu) -> DriverError:
        status = int.from_bytes(found.body[:4], "little")
        detail = f"{self._host} answered the request with the RPC fault 0x{status:08X}."
        if self._answered:
            return OutcomeUnknown(detail)
        if status in _NOT_LET_IN:
            return self._not_let_in()
        if status == _TOO_BUSY:
            return BackendUnavailable(detail)
        if status in _BEFORE_EXECUTION:
            return BackendRefused(detail)
        return OutcomeUnknown(detail)

    def _not_let_in(self) -> BackendRefused:
        needed = self._interface.needed
        return BackendRefused(
            f"{self._host} refused the logon or the call by RPC: user name or password is wrong, "
            "the account is locked or disabled or may not access this computer from the network"
            f"{needed and ', or it lacks '}{needed}."
        )
