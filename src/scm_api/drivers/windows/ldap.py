"""Reads a directory by LDAP over TLS: one connection for a batch of searches, with one deadline."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from scm_api.drivers.errors import BackendRefused, BackendUnavailable, DriverError
from scm_api.drivers.streams import Stream, open_stream
from scm_api.drivers.windows import ldap_messages as messages
from scm_api.drivers.windows.ldap_messages import Entry, Filter, Present, Result, Scope
from scm_api.drivers.windows.logon import Logon

_SECONDS: Final = 30.0
_LONGEST_MESSAGE: Final = 8 * 1024 * 1024
_LONGEST_BATCH: Final = 64 * 1024 * 1024
_MOST_LEGS: Final = 5
_IN_PROGRESS: Final = 14
_NOT_THERE: Final = (32, 34)  # noSuchObject, invalidDNSyntax
_AWAY: Final = (3, 51, 52, 80)  # timeLimitExceeded, busy, unavailable, other
_REASONS: Final = {
    "52e": "user name or password is wrong",
    "525": "the account does not exist",
    "530": "the account may not log on at this time",
    "531": "the account may not log on at this host",
    "532": "the password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "the password must be changed first",
    "775": "the account is locked",
    "80090346": "the channel bindings do not match, as happens where a proxy ends TLS before the "
    "domain controller, or they are required and this way of logon has none",
}
# AD writes `80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 52e, …`
_DATA: Final = re.compile(r"\bdata ([0-9a-f]{1,8})\b", re.IGNORECASE)


class NoSuchObject(BackendRefused):
    """The base of a search is not there, or may not be read."""

    def __init__(self, base: str) -> None:
        detail = f"{base or 'The root'} is not there or may not be read."
        super().__init__(detail, whole_backend=False)


class LdapServer:
    """One domain controller, `ldaps://host[:port]`, and the account that reads."""

    def __init__(self, url: str, logon: Logon, context: ssl.SSLContext) -> None:
        parts = urlsplit(url)
        if parts.scheme != "ldaps" or not parts.hostname:
            raise ValueError("a directory is read by ldaps:// only")
        if logon.method == "simple" and not (logon.user and logon.password):
            raise ValueError("without name or password a simple bind would be anonymous")
        self.host = parts.hostname
        self._port = parts.port or 636
        self._logon = logon
        self._tls = context

    @asynccontextmanager
    async def session(self) -> AsyncIterator["Session"]:
        """A connection that is logged on. Raises BackendRefused and BackendUnavailable."""
        writer = None
        try:
            async with asyncio.timeout(_SECONDS):
                stream = await open_stream(self.host, self._port, self._tls)
                writer = stream[1]
                session = Session(self.host, stream)
                await session.bind(self._logon)
                yield session
                await session.leave()
        except (OSError, TimeoutError, EOFError) as error:
            detail = f"The directory {self.host} did not answer in time or hung up."
            raise BackendUnavailable(detail) from error
        except ValueError as error:
            detail = f"The directory {self.host} has what cannot be read: {error}."
            raise BackendUnavailable(detail) from error
        finally:
            if writer is not None:
                writer.transport.abort()


class Session:
    """Searches one after the other."""

    def __init__(self, host: str, stream: Stream) -> None:
        self._host = host
        self._reader, self._writer = stream
        self._number = 0
        self._received = 0

    async def bind(self, logon: Logon) -> None:
        """Log on. Raises BackendRefused with the directory's reason in words."""
        if logon.method == "simple":
            asked = messages.simple_bind(self._next(), logon.user, logon.password)
            result = await self._result(asked)
        else:
            secured = self._writer.get_extra_info("ssl_object")
            context = await logon.context("ldap", self._host, secured.getpeercert(True))
            result = await self._handshake(logon, context)
        if result.code:
            raise self._failure(result, logon)

    async def _handshake(self, logon: Logon, context: object) -> Result:
        challenge = None
        for _ in range(_MOST_LEGS):
            token = await logon.step(context, challenge)
            result = await self._result(messages.sasl_bind(self._next(), token or b""))
            challenge = result.credentials
            if result.code != _IN_PROGRESS:
                if result.code == 0 and challenge:
                    await logon.step(context, challenge)  # proves the server, too
                return result
        raise BackendUnavailable(f"The logon at {self._host} does not come to an end.")

    async def search(
        self, base: str, scope: Scope, sought: Filter, attributes: tuple[str, ...]
    ) -> list[Entry]:
        """Every object found, page by page. Raises NoSuchObject where `base` is not there."""
        entries: list[Entry] = []
        cookie = b""
        while True:
            self._writer.write(
                messages.search(self._next(), base, scope, sought, attributes, cookie)
            )
            while isinstance(found := await self._reply(), Entry):
                entries.append(found)
            if found.code in _NOT_THERE:
                raise NoSuchObject(base)
            if found.code:
                raise self._failure(found)
            cookie = found.cookie
            if not cookie:
                return entries

    async def read(self, dn: str, *attributes: str) -> Entry:
        """One object. Raises NoSuchObject."""
        found = await self.search(dn, "base", Present("objectClass"), attributes)
        if not found:
            raise NoSuchObject(dn)
        return found[0]

    async def leave(self) -> None:
        """Say good-bye."""
        self._writer.write(messages.unbind(self._next()))
        await self._writer.drain()

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _result(self, request: bytes) -> Result:
        self._writer.write(request)
        found = await self._reply()
        if isinstance(found, Entry):
            raise self._unreadable()
        return found

    async def _reply(self) -> Entry | Result:
        """The next entry or result of the operation that runs."""
        await self._writer.drain()
        while True:
            raw = await self._message()
            try:
                number, said = messages.read(raw)
            except ValueError as error:
                raise self._unreadable() from error
            if number == 0 and isinstance(said, Result):  # notice of disconnection
                raise self._failure(said)
            if number == self._number and said is not None:
                return said

    async def _message(self) -> bytes:
        head = await self._reader.readexactly(2)
        if head[0] != 0x30 or head[1] == 0x80:
            raise self._unreadable()
        length = head[1]
        if length & 0x80:
            more = await self._reader.readexactly(min(length & 0x7F, 8))
            head, length = head + more, int.from_bytes(more, "big")
        self._received += length
        if length > _LONGEST_MESSAGE or self._received > _LONGEST_BATCH:
            raise BackendUnavailable(f"The directory {self._host} sends more than is read.")
        return head + await self._reader.readexactly(length)

    def _unreadable(self) -> BackendUnavailable:
        return BackendUnavailable(f"The answer of {self._host} is not LDAP.")

    def _failure(self, result: Result, logon: Logon | None = None) -> DriverError:
        words = f" The directory says: {result.message.strip(chr(0)) or 'nothing'}."
        found = _DATA.search(result.message)
        reason = _REASONS.get(found[1].lower()) if found else None
        if result.code in _AWAY:
            return BackendUnavailable(f"The directory {self._host} is not available.{words}")
        if logon is not None and result.code == 49:  # invalidCredentials
            if reason is None and "80090346" in result.message:
                reason = _REASONS["80090346"]
            why = reason or "user name or password is wrong, or the account may not log on"
            return BackendRefused(f"{self._host} refused the logon of {logon.user}: {why}.{words}")
        if result.code == 8:  # strongerAuthRequired
            advice = "requires a stronger logon (LDAP signing or channel binding): choose kerberos."
            return BackendRefused(f"{self._host} {advice}{words}")
        if result.code == 10:
            return BackendRefused(f"{self._host} does not hold what was asked for.{words}")
        return BackendRefused(f"{self._host} refused with result {result.code}.{words}")
