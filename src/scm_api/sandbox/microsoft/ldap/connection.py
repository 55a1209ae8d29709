"""One connection: read messages, bind, search, answer."""

import asyncio
from typing import Final

from scm_api.sandbox.microsoft.ldap.ber import (
    ENUMERATED,
    BerError,
    decode,
    encode_text,
    read_message,
)
from scm_api.sandbox.microsoft.ldap.binds import Binder
from scm_api.sandbox.microsoft.ldap.directory import WHO_AM_I
from scm_api.sandbox.microsoft.ldap.messages import (
    ANSWERS,
    BIND_RESPONSE,
    DONE,
    EXTENDED_RESPONSE,
    UNBIND,
    Code,
    LdapRefusal,
    Message,
    Result,
    SearchRequest,
    decode_bind,
    decode_message,
    decode_search,
    encode_message,
    encode_reference,
)
from scm_api.sandbox.microsoft.ldap.search import BASE, Outcome, Searcher, encode_one
from scm_api.sandbox.microsoft.ldap.settings import DirectoryCall
from scm_api.sandbox.microsoft.ldap.shared import Served
from scm_api.sandbox.microsoft.security.contexts import MessageSecurity

_IDLE_SECONDS: Final = 900.0  # MaxConnIdleTime of AD
_MOST_FRAME: Final = 10 * 1024 * 1024
_SCOPES: Final = ("base", "one", "sub")
_NOT_BOUND: Final = Result(
    Code.OPERATIONS_ERROR,
    "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful "
    "bind must be completed on the connection., data 0, v4563",
)
_READ_ONLY: Final = Result(
    Code.INSUFFICIENT_ACCESS_RIGHTS,
    "00002098: SecErr: DSID-031514B3, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0",
)


class Connection:
    """Serves one connection. `bindings` are those of its TLS channel, None in clear."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        served: Served,
        bindings: bytes | None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._served = served
        self._binder = Binder(
            served.domain_source, served.dns_host_name, served.behaviour, bindings, served.tickets
        )
        self._searcher = Searcher()
        self._layer: MessageSecurity | None = None

    async def serve(self) -> None:
        """Until the caller unbinds. Raises BerError, LogonError, TimeoutError and OSError."""
        while True:
            async with asyncio.timeout(_IDLE_SECONDS):
                message = decode_message(await self._read())
            if message.operation.tag == UNBIND:
                return
            if answers := await self._answers(message):
                self._write(b"".join(answers))
            async with asyncio.timeout(_IDLE_SECONDS):
                await self._writer.drain()
            self._layer = self._binder.layer  # from the message after the bind on

    async def _read(self) -> bytes:
        if self._layer is None:
            return await read_message(self._reader)
        length = int.from_bytes(await self._reader.readexactly(4), "big")
        size = self._layer.signature_size(is_sealed=True)
        if not size <= length <= _MOST_FRAME:
            raise BerError("a frame that holds no message")
        frame = await self._reader.readexactly(length)
        sealed = frame[size:]
        return self._layer.unprotect(sealed, 0, len(sealed), frame[:size])

    def _write(self, message: bytes) -> None:
        """As AD does, everything that answers a request in one frame of the layer."""
        if self._layer is not None:
            sealed, signature = self._layer.protect(message, 0, len(message))
            length = len(signature) + len(sealed)
            message = length.to_bytes(4, "big") + signature + sealed
        self._writer.write(message)

    async def _answers(self, message: Message) -> list[bytes]:
        operation, number = message.operation, message.number
        match operation.tag:
            case 0x60:
                return [encode_message(number, await self._bind(message))]
            case 0x63:
                return await self._search(message)
            case 0x50:
                return []
            case 0x77:
                return [encode_message(number, self._extended(message))]
        if operation.tag not in ANSWERS:
            raise BerError("an operation that is not known")
        refusal = _READ_ONLY if self._binder.account else _NOT_BOUND
        return [encode_message(number, refusal.encode(ANSWERS[operation.tag]))]

    @property
    def _account(self) -> str:
        return self._binder.account.sam if self._binder.account else ""

    async def _bind(self, message: Message) -> bytes:
        request = decode_bind(message.operation)
        try:
            answer = await self._served.around(
                "bind", self._account, lambda: self._binder.bind(request)
            )
        except LdapRefusal as refusal:
            self._binder.account = None
            answer = refusal.result.encode(BIND_RESPONSE)
        code = decode(answer).elements()[0].integer(ENUMERATED)
        self._served.log(DirectoryCall("bind", self._account, request.name, code))
        return answer

    def _extended(self, message: Message) -> bytes:
        parts = message.operation.elements()
        if not parts or parts[0].text(0x80) != WHO_AM_I:
            text = (
                "0000203D: LdapErr: DSID-0C09131D, comment: Unknown extended request OID, "
                "data 0, v4563"
            )
            return Result(Code.PROTOCOL_ERROR, text).encode(EXTENDED_RESPONSE)
        account = self._binder.account
        domain = self._served.domain_source()
        who = f"u:{domain.qualified(account)}" if account else ""
        return Result(Code.SUCCESS).encode(EXTENDED_RESPONSE, encode_text(who, 0x8B))

    async def _search(self, message: Message) -> list[bytes]:
        request = decode_search(message.operation)
        try:
            outcome = await self._served.around(
                "search", self._account, lambda: self._outcome(message, request)
            )
        except LdapRefusal as refusal:
            outcome = Outcome(refusal.result)
        call = DirectoryCall(
            "search",
            self._account,
            request.base,
            outcome.result.code,
            _SCOPES[request.scope],
            request.filter.text,
            request.attributes,
            len(outcome.entries),
        )
        self._served.log(call)
        number = message.number
        answers = [encode_message(number, each) for each in outcome.entries]
        answers += [encode_message(number, encode_reference(each)) for each in outcome.references]
        done = outcome.result.encode(DONE)
        return [*answers, encode_message(number, done, outcome.controls)]

    def _outcome(self, message: Message, request: SearchRequest) -> Outcome:
        directory = self._served.directory()
        if not request.base and request.scope == BASE:
            root = directory.root_dse(self._served.dns_host_name, self._binder.mechanisms)
            # It has no objectClass, and is found by (objectClass=*) all the same.
            is_any = request.filter.text.casefold() == "(objectclass=*)"
            is_wanted = is_any or request.filter.holds(root, directory.leads_to) is not False
            found = [encode_one(root, request)] if is_wanted else []
            return Outcome(Result(Code.SUCCESS), found)
        if self._binder.account is None:
            return Outcome(_NOT_BOUND)
        return self._searcher.search(
            directory,
            request,
            message.controls,
            max_page=self._served.behaviour().max_page_size,
            is_administrator=self._binder.account.admin_count,
        )
