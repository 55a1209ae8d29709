"""One association: bind, log on, take requests apart, call, and answer in fragments."""

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from scm_api.sandbox.microsoft.around import Severed
from scm_api.sandbox.microsoft.domain import Account
from scm_api.sandbox.microsoft.rpc.binding import Bind, agreed, encode_ack
from scm_api.sandbox.microsoft.rpc.faults import (
    ACCESS_DENIED,
    PROTOCOL_ERROR,
    SECURITY_PACKAGE_ERROR,
    UNKNOWN_INTERFACE,
    ProtocolError,
    RpcFault,
)
from scm_api.sandbox.microsoft.rpc.interfaces import Caller, Interface
from scm_api.sandbox.microsoft.rpc.pdu import (
    FIRST,
    HEADER_SIGNING,
    LAST,
    WHOLE,
    Kind,
    Pdu,
    Trailer,
    encode_fault,
    encode_pdu,
    read_pdu,
)
from scm_api.sandbox.microsoft.rpc.protection import NewAcceptor, Protection

_MOST_STUB: Final = 4 * 1024 * 1024
_IDLE_SECONDS: Final = 600.0
_UNKNOWN_AUTHENTICATION: Final = 8
_FATAL: Final = (PROTOCOL_ERROR, SECURITY_PACKAGE_ERROR)


@dataclass
class _Call:
    """A request that is not all here yet."""

    number: int
    presentation: int
    operation: int
    context: int | None
    account: Account | None
    level: int
    stub: bytearray = field(default_factory=bytearray)


class Connection:
    """Serves one connection; `group` is the association group it founds."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        interfaces: Sequence[Interface],
        new_acceptor: NewAcceptor,
        group: int,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._interfaces = interfaces
        self._protection = Protection(new_acceptor)
        self._group = group
        self._called, self._port = writer.get_extra_info("sockname")[:2]
        self._fragment = 0
        self._bound: dict[int, Interface] = {}
        self._call: _Call | None = None

    async def serve(self) -> None:
        """Until the caller leaves. Raises Severed, ProtocolError, TimeoutError, and OSError."""
        while True:
            async with asyncio.timeout(_IDLE_SECONDS):
                pdu = await read_pdu(self._reader)
            if not self._fragment and pdu.kind != Kind.BIND:
                raise ProtocolError("a call before the bind")
            match pdu.kind:
                case Kind.BIND | Kind.ALTER_CONTEXT:
                    await self._bind(pdu)
                case Kind.AUTH3:
                    self._authenticate(pdu)
                case Kind.REQUEST:
                    await self._request(pdu)
                case Kind.CANCEL:
                    pass
                case Kind.ORPHANED:
                    self._call = None
                case _:
                    raise ProtocolError("a PDU only servers send")

    async def _send(self, *pdus: bytes) -> None:
        self._writer.writelines(pdus)
        async with asyncio.timeout(_IDLE_SECONDS):
            await self._writer.drain()

    async def _bind(self, pdu: Pdu) -> None:
        is_first = pdu.kind == Kind.BIND
        if is_first and self._fragment:
            raise ProtocolError("a second bind")
        bind = Bind.decode(pdu.body)
        if pdu.trailer and not self._protection.knows(pdu.trailer):
            body = struct.pack("<HB", _UNKNOWN_AUTHENTICATION, 1) + b"\x05\x00"
            await self._send(encode_pdu(Kind.BIND_NAK, WHOLE, pdu.call, body))
            return
        try:
            trailer = self._protection.logon(pdu.trailer) if pdu.trailer else None
        except RpcFault as fault:
            await self._send(encode_fault(pdu.call, 0, fault.status))
            return
        accepted, results = agreed(bind, self._interfaces)
        self._bound |= accepted
        if is_first:
            self._fragment = bind.fragment
            self._protection.covers_headers = bool(pdu.flags & HEADER_SIGNING)
        body = encode_ack(bind, self._group, str(self._port) if is_first else "", results)
        await self._send(_acknowledged(pdu, body, trailer))

    def _authenticate(self, pdu: Pdu) -> None:
        """auth3 has no answer: who is not let in hears of it at the first call."""
        if pdu.trailer is None:
            raise ProtocolError("an auth3 without a token")
        try:
            self._protection.logon(pdu.trailer)
        except RpcFault:
            return

    async def _request(self, pdu: Pdu) -> None:
        if len(pdu.content) < 24:
            raise ProtocolError("a request that ends early")
        _, presentation, operation = struct.unpack_from("<IHH", pdu.content, 16)
        try:
            call = self._collected(pdu, presentation, operation)
            if call is None:
                return
            await self._answer(call)
        except RpcFault as fault:
            self._call = None
            await self._send(encode_fault(pdu.call, presentation, fault.status))
            if fault.status in _FATAL:
                raise Severed from None

    def _collected(self, pdu: Pdu, presentation: int, operation: int) -> _Call | None:
        """The call, once its last fragment is here."""
        is_first = bool(pdu.flags & FIRST)
        if is_first == (self._call is not None):
            raise RpcFault(PROTOCOL_ERROR)
        account, level, stub, context = self._protection.opened(pdu)
        if is_first:
            self._call = _Call(pdu.call, presentation, operation, context, account, level)
        call = self._call
        assert call is not None
        same = (call.number, call.presentation, call.operation, call.context)
        if same != (pdu.call, presentation, operation, context):
            raise RpcFault(PROTOCOL_ERROR)
        call.stub += stub
        if len(call.stub) > _MOST_STUB:
            raise RpcFault(ACCESS_DENIED)
        if not pdu.flags & LAST:
            return None
        self._call = None
        return call

    async def _answer(self, call: _Call) -> None:
        interface = self._bound.get(call.presentation)
        if interface is None:
            raise RpcFault(UNKNOWN_INTERFACE)
        caller = Caller(call.account, call.level, self._called)
        stub = await interface.call(call.operation, bytes(call.stub), caller)
        room = self._protection.room(self._fragment, call.context)
        pdus: list[bytes] = []
        for start in range(0, max(len(stub), 1), room):
            flags = (FIRST if start == 0 else 0) | (LAST if start + room >= len(stub) else 0)
            body = (len(stub) - start, call.presentation, stub[start : start + room])
            encoded = self._protection.encode_response(call.number, flags, body, call.context)
            pdus.append(encoded)
        await self._send(*pdus)


def _acknowledged(pdu: Pdu, body: bytes, trailer: Trailer | None) -> bytes:
    kind = Kind.BIND_ACK if pdu.kind == Kind.BIND else Kind.ALTER_CONTEXT_RESPONSE
    flags = WHOLE | (pdu.flags & HEADER_SIGNING)
    if trailer is None or not trailer.token:
        return encode_pdu(kind, flags, pdu.call, body)
    return encode_pdu(kind, flags, pdu.call, body, trailer)
