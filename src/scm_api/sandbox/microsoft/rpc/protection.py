"""Security contexts of one connection: who calls, and the verifiers of its PDUs."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from scm_api.sandbox.microsoft.domain import Account
from scm_api.sandbox.microsoft.rpc.faults import (
    ACCESS_DENIED,
    PROTOCOL_ERROR,
    SECURITY_PACKAGE_ERROR,
    RpcFault,
)
from scm_api.sandbox.microsoft.rpc.pdu import (
    HEADER_SIZE,
    TRAILER_SIZE,
    Kind,
    Pdu,
    Trailer,
    encode_pdu,
)
from scm_api.sandbox.microsoft.security.contexts import Acceptor, LogonError, MessageSecurity

NONE, CONNECT, PACKET, PRIVACY = 1, 2, 4, 6
_CALL_HEADER: Final = 8
_PADDED_TO: Final = 16

NewAcceptor = Callable[[int], Acceptor | None]
"""An acceptor for an authentication type (9 SPNEGO, 10 NTLM, 16 Kerberos), None if not known."""


@dataclass
class _Context:
    trailer: Trailer
    acceptor: Acceptor
    is_broken: bool = False

    @property
    def account(self) -> Account | None:
        return None if self.is_broken else self.acceptor.account


class Protection:
    """The contexts, by the number their trailers carry.

    `covers_headers`: both sides sign headers (PFC_SUPPORT_HEADER_SIGN).
    """

    def __init__(self, new_acceptor: NewAcceptor) -> None:
        self._new_acceptor = new_acceptor
        self._contexts: dict[int, _Context] = {}
        self.covers_headers = False

    def knows(self, trailer: Trailer) -> bool:
        """Whether the authentication type is one that is offered."""
        return trailer.context in self._contexts or bool(self._new_acceptor(trailer.mechanism))

    def logon(self, trailer: Trailer) -> Trailer:
        """The next step of a logon, and the trailer to answer with.

        Raises RpcFault; whoever failed once stays out.
        """
        context = self._contexts.get(trailer.context)
        if context is None:
            acceptor = self._new_acceptor(trailer.mechanism)
            if acceptor is None or len(self._contexts) >= 16:
                raise RpcFault(ACCESS_DENIED)
            context = self._contexts[trailer.context] = _Context(trailer, acceptor)
        agreed = context.trailer
        if (trailer.mechanism, trailer.level) != (agreed.mechanism, agreed.level):
            context.is_broken = True
        if context.is_broken:
            raise RpcFault(ACCESS_DENIED)
        try:
            token = context.acceptor.step(trailer.token)
        except LogonError:
            context.is_broken = True
            raise RpcFault(ACCESS_DENIED) from None
        return replace(agreed, padding=0, token=token)

    def opened(self, pdu: Pdu) -> tuple[Account | None, int, bytes, int | None]:
        """Account, level, stub and number of the context of a request.

        Raises RpcFault(ACCESS_DENIED) for a caller that is not let in or that protects its call
        less than agreed, RpcFault(SECURITY_PACKAGE_ERROR) for a wrong signature.
        """
        if pdu.trailer is None:
            return self._without_verifier(pdu)
        context = self._contexts.get(pdu.trailer.context)
        if context is None or context.account is None:
            raise RpcFault(ACCESS_DENIED)
        agreed = context.trailer
        if (pdu.trailer.mechanism, pdu.trailer.level) != (agreed.mechanism, agreed.level):
            raise RpcFault(ACCESS_DENIED)
        if agreed.level < PACKET:
            return context.account, agreed.level, _stub(pdu, pdu.content), pdu.trailer.context
        clear = self._unprotected(context.acceptor.security, pdu, pdu.trailer)
        return context.account, agreed.level, _stub(pdu, clear), pdu.trailer.context

    def _without_verifier(self, pdu: Pdu) -> tuple[Account | None, int, bytes, int | None]:
        """A call nobody vouches for, or one of a level that signs no calls."""
        stub = _stub(pdu, pdu.content)
        if not self._contexts:
            return None, NONE, stub, None
        first = next(iter(self._contexts.values()))
        if first.account is None or first.trailer.level >= PACKET:
            raise RpcFault(ACCESS_DENIED)
        return first.account, first.trailer.level, stub, None

    def room(self, fragment: int, number: int | None) -> int:
        """How many bytes of a stub go into a response fragment of that size."""
        size = fragment - HEADER_SIZE - _CALL_HEADER
        if number is not None:
            context = self._contexts[number]
            security, is_sealed = context.acceptor.security, context.trailer.level == PRIVACY
            size -= TRAILER_SIZE + (security.signature_size(is_sealed=is_sealed) if security else 0)
        return size // _PADDED_TO * _PADDED_TO

    def encode_response(
        self, call: int, flags: int, body: tuple[int, int, bytes], number: int | None
    ) -> bytes:
        """One fragment of a response; `body` is what remains, presentation context and stub."""
        remaining, presentation, stub = body
        content = struct.pack("<IHBx", remaining, presentation, 0) + stub
        context = self._contexts.get(number) if number is not None else None
        security = context.acceptor.security if context else None
        if context is None or security is None or context.trailer.level < PACKET:
            return encode_pdu(Kind.RESPONSE, flags, call, content)
        padding = -len(stub) % _PADDED_TO
        content += bytes(padding)
        is_sealed = context.trailer.level == PRIVACY
        size = security.signature_size(is_sealed=is_sealed)
        room = replace(context.trailer, padding=padding, token=bytes(size))
        message = encode_pdu(Kind.RESPONSE, flags, call, content, room)[:-size]
        start, end = HEADER_SIZE + _CALL_HEADER, HEADER_SIZE + len(content)
        head, tail = b"", b""
        if not (security.always_covers_headers or self.covers_headers):
            head, message, tail = message[:start], message[start:end], message[end:]
            start, end = 0, len(message)
        sealed, signature = security.protect(message, start if is_sealed else end, end)
        return head + sealed + tail + signature

    def _unprotected(self, security: MessageSecurity | None, pdu: Pdu, trailer: Trailer) -> bytes:
        """The PDU in clear, without its token."""
        start, end = HEADER_SIZE + _call_header(pdu), pdu.end
        if start > end:
            raise RpcFault(PROTOCOL_ERROR)
        if security is None:
            raise RpcFault(SECURITY_PACKAGE_ERROR)
        message = pdu.content[: end + TRAILER_SIZE]
        head, tail = b"", b""
        if not (security.always_covers_headers or self.covers_headers):
            head, message, tail = message[:start], message[start:end], message[end:]
            start, end = 0, len(message)
        is_sealed = trailer.level == PRIVACY
        try:
            clear = security.unprotect(message, start if is_sealed else end, end, trailer.token)
        except LogonError:
            raise RpcFault(SECURITY_PACKAGE_ERROR) from None
        return head + clear + tail


def _call_header(pdu: Pdu) -> int:
    """alloc_hint, p_cont_id and opnum; with an object's UUID behind them."""
    return _CALL_HEADER + (16 if pdu.flags & 0x80 else 0)


def _stub(pdu: Pdu, clear: bytes) -> bytes:
    padding = pdu.trailer.padding if pdu.trailer else 0
    start, end = HEADER_SIZE + _call_header(pdu), pdu.end - padding
    if start > end:
        raise RpcFault(PROTOCOL_ERROR)
    return clear[start:end]
