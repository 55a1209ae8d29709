"""HTTPS to one Windows web server. Logons belong to connections there, so clients that own exactly
one connection each are leased for a whole exchange."""

import asyncio
import base64
import binascii
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from scm_api.drivers.errors import BackendRefused, BackendUnavailable, DriverError, OutcomeUnknown
from scm_api.drivers.http import NoAnswerError, NotSentError, Reply, StrictClient, UntrustedError
from scm_api.drivers.pacing import Limiter
from scm_api.drivers.windows.logon import Logon
from scm_api.drivers.windows.room import Room
from scm_api.logger import get_logger

# Idle connections are given up after 30 s, before IIS closes them (120 s), so that nothing is sent
# into a connection that is being closed.
_LONGEST_PATIENCE: Final = timedelta(hours=1)
# A refused logon is not repeated meanwhile: AD locks accounts after a few.
_REFUSED_SECONDS: Final = 20
_MOST_LEGS: Final = 4
_log = get_logger(__name__)


@dataclass(slots=True)
class Request:
    """One call. `begun` is whether the server may have it with all that it needs to act."""

    method: str
    target: str
    content: bytes = b""
    kind: str = ""
    begun: bool = False


class Session:
    """One connection at a time, and who is logged on over it."""

    def __init__(self, http: StrictClient, origin: str, knock: tuple[str, str]) -> None:
        self.http = http
        self.ready = 0  # the number of the connection that was looked at
        self._origin = origin
        self._knock = knock
        self._known = 0
        self._logged_on = 0
        self._certificate: bytes | None = None
        self._scheme = ""

    async def call(self, logon: Logon, request: Request) -> Reply:
        """One request as this account. Raises NotSentError, NoAnswerError (only if it has begun)
        and BackendRefused.

        A 401 means that the server did nothing, so then the request is made once more.
        """
        if not logon.needs_token:
            reuse = request.method == "POST" and self.ready > 0
            reply = await self._sent(request, logon.headers(), reuse=reuse)
            if reply.status == 401:
                raise logon.refused(0, self._origin)
            return reply
        if self._known != self.http.connections_made or self._known == 0:
            await self._introduce(logon)
        if self._logged_on == self._known:
            reply = await self._sent(request, {})
            if reply.status != 401:
                return reply
            self._logged_on = 0
        return await self._with_tokens(logon, request)

    async def _sent(
        self,
        request: Request,
        headers: dict[str, str],
        *,
        reuse: bool = True,
        is_whole: bool = True,
    ) -> Reply:
        if request.kind:
            headers = headers | {"Content-Type": request.kind}
        request.begun = is_whole
        try:
            reply = await self.http.call(
                request.method,
                request.target,
                request.content if is_whole else b"",
                headers=headers,
                reuse=reuse,
            )
        except NotSentError:
            request.begun = False
            raise
        except NoAnswerError as error:
            if is_whole:
                raise
            raise NotSentError(str(error)) from error
        if reply.status == 401:
            request.begun = False
        return reply

    def forget(self) -> None:
        """The connection was closed by the other side."""
        self.ready = self._known = self._logged_on = 0

    async def _introduce(self, logon: Logon) -> None:
        """Open a connection and see what the server asks for."""
        try:
            reply = await self.http.call(*self._knock)
        except NoAnswerError as error:
            raise NotSentError(str(error)) from error
        if reply.status != 401:
            raise BackendRefused(
                f"{urlsplit(self._origin).netloc} asks for no logon (status {reply.status}). "
                "Disable anonymous authentication in IIS, and check the address."
            )
        self._scheme = logon.scheme(reply.headers.get("www-authenticate", ""))
        self._certificate = reply.certificate_der
        self._known, self._logged_on = self.http.connections_made, 0

    async def _with_tokens(self, logon: Logon, request: Request) -> Reply:
        """The request with what proves the account; only a token that may be the last one goes
        with the body (NTLM's first cannot be)."""
        host = urlsplit(self._origin).hostname or ""
        context = await logon.context("HTTP", host, self._certificate)
        token = await logon.step(context, None)
        for leg in range(_MOST_LEGS):
            whole = leg > 0 or logon.method != "ntlm"
            proof = f"{self._scheme} {base64.b64encode(token or b'').decode()}"
            reply = await self._sent(request, {"Authorization": proof}, is_whole=whole)
            if reply.status != 401 and whole:
                self._logged_on = self._known if logon.method == "ntlm" else 0
                return reply
            challenge = _token(reply.headers.get("www-authenticate", ""), self._scheme)
            if reply.status != 401 or challenge is None:
                break
            token = await logon.step(context, challenge)
            if not token:
                break
        raise logon.refused(leg, self._origin)


class Site:
    """A web server, called as one account, over `connections` connections at most.

    `before` is called with each new connection before anything else is; `headers` go with every
    request. `patience` is how many seconds a call waits until it can be sent, then it is put off;
    `seconds` how long its answer may take. The second logon is tried where the first is refused.
    """

    def __init__(
        self,
        origin: str,
        knock: tuple[str, str],
        headers: Mapping[str, str],
        context: ssl.SSLContext,
        logons: Sequence[Logon],
        pace: tuple[Limiter, str, float],
        *,
        connections: int,
        patience: float,
        seconds: float,
    ) -> None:
        self.before: Callable[[Session], Awaitable[None]] | None = None
        self._origin = origin
        self._host = urlsplit(origin).netloc
        self._knock = knock
        self._headers, self._tls = headers, context
        self._seconds = seconds
        self._logons = list(logons)
        self._limiter, self._pace, self._per_second = pace
        self._patience = patience
        self._room = Room(connections, patience)
        self._idle: list[Session] = []
        self._all: list[Session] = []
        self._first = asyncio.Lock()
        self._proven = False
        self._refusal: tuple[float, str] | None = None

    async def read(self, target: str, session: Session | None = None) -> Reply:
        """GET. Whatever goes wrong may be asked again: raises BackendUnavailable, BackendRefused.

        With `session` over that, within `before`; then it raises NotSentError for what is still to
        be sent over it.
        """
        try:
            if session is not None:
                reply = await self._call(session, Request("GET", target))
            else:
                reply = await self._leased(Request("GET", target))
        except (NoAnswerError, NotSentError) as error:
            if session is not None and isinstance(error, NoAnswerError):
                raise NotSentError(str(error)) from error
            if session is not None:
                raise
            raise self._away(error) from None
        if reply.status >= 500:
            raise BackendUnavailable(f"{self._host} failed with status {reply.status}.")
        return reply

    async def write(self, target: str, content: bytes, kind: str) -> Reply:
        """POST. Raises OutcomeUnknown once the server may have acted.

        A deadline of the caller that comes before that is BackendUnavailable: nobody has to look
        for what was never sent.
        """
        request = Request("POST", target, content, kind)
        try:
            return await self._leased(request)
        except asyncio.CancelledError:
            if request.begun:
                raise
            raise BackendUnavailable(f"{self._host} did not let us in in time.") from None
        except NotSentError as error:
            raise self._away(error) from None
        except NoAnswerError as error:
            raise OutcomeUnknown(f"{self._host} did not answer: {error}.") from None

    async def aclose(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(each.http.aclose() for each in self._all))

    async def _leased(self, request: Request) -> Reply:
        """Over the very connection that was looked at; where that was closed meanwhile, nothing
        was sent, and it is opened and looked at again."""
        async with self._lease() as session:
            was_open = session.http.connections_made > 0
            try:
                await self._prepare(session)
                return await self._call(session, request)
            except NotSentError:
                session.forget()
                if not was_open:
                    raise
            await self._prepare(session)
            return await self._call(session, request)

    @asynccontextmanager
    async def _lease(self) -> AsyncIterator[Session]:
        async with self._room.place():
            if not self._idle:
                self._all.append(Session(self._client(), self._origin, self._knock))
                self._idle.append(self._all[-1])
            session = self._idle.pop()
            try:
                yield session
            finally:
                self._idle.append(session)

    def _client(self) -> StrictClient:
        return StrictClient(
            self._origin, self._headers, self._tls, connections=1, seconds=self._seconds
        )

    async def _prepare(self, session: Session) -> None:
        if self.before is None or session.ready == session.http.connections_made > 0:
            return
        try:
            async with asyncio.timeout(self._patience):
                await self.before(session)
        except TimeoutError:
            raise BackendUnavailable(f"{self._host} is slow to let us in.") from None
        session.ready = session.http.connections_made

    async def _call(self, session: Session, request: Request) -> Reply:
        """Until one logon has succeeded, one at a time is tried."""
        await self._limiter.acquire(self._pace, self._per_second)
        if self._proven:
            reply = await self._as_somebody(session, request)
        else:
            async with self._first:
                reply = await self._as_somebody(session, request)
        if reply.status == 429:
            wait = _patience(reply)
            await self._limiter.slow_down(self._pace, wait)
            raise BackendUnavailable(f"{self._host} asks for patience.", retry_after=wait)
        if reply.status == 403:
            raise BackendRefused(
                f"{self._host} forbids access (403): the account may not use it, or a client "
                "certificate is required or not trusted."
            )
        if 300 <= reply.status < 400 or reply.status == 404:
            raise BackendRefused(
                f"{self._host} says {reply.status}: the service is not at this address. Redirects "
                "are not followed."
            )
        return reply

    async def _as_somebody(self, session: Session, request: Request) -> Reply:
        if self._refusal is not None and time.monotonic() < self._refusal[0]:
            raise BackendRefused(self._refusal[1])
        logon = self._logons[0]
        try:
            reply = await session.call(logon, request)
        except DriverError as error:
            if logon is not self._logons[-1]:
                if logon is self._logons[0]:
                    _log.warning("logon falls back to NTLM", why=error.detail)
                    del self._logons[0]
                return await self._as_somebody(session, request)
            if isinstance(error, BackendRefused):
                self._refusal = (time.monotonic() + _REFUSED_SECONDS, error.detail)
                self._proven = False
            raise
        self._proven = True
        return reply

    def _away(self, error: Exception) -> DriverError:
        if isinstance(error, UntrustedError):
            return BackendRefused(f"{self._host} is not trusted: {error}.")
        if "alert" in str(error).lower():
            return BackendRefused(f"{self._host} refuses our client certificate: {error}.")
        return BackendUnavailable(f"{self._host} cannot be reached: {error}.")


def _patience(reply: Reply) -> timedelta:
    text = reply.headers.get("retry-after", "")
    wait = int(text) if text.isdecimal() and len(text) < 6 else 10
    return min(timedelta(seconds=wait), _LONGEST_PATIENCE)


def _token(offered: str, scheme: str) -> bytes | None:
    for each in offered.split(","):
        name, _, text = each.strip().partition(" ")
        if name.lower() == scheme.lower() and text:
            try:
                return base64.b64decode(text, validate=True)
            except binascii.Error:
                return None
    return None
