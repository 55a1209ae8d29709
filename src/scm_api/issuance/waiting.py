"""Holding a request until its enrollment has moved on: `Prefer: wait=N` (RFC 7240 section 4.3)."""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal
from scm_api.core.errors import Unavailable
from scm_api.core.lifecycle import FINAL
from scm_api.core.vocabulary import EnrollmentState
from scm_api.database_url import dsn_of
from scm_api.db.models.enrollments import CHANNEL
from scm_api.db.session import Database
from scm_api.issuance.intake import retry_after
from scm_api.web.openapi import problems
from scm_api.web.replies import reply
from scm_api.web.schemas import Output

LONGEST_WAIT: Final = 30
# RFC 7240 section 2. Of a number with more digits the first four say enough: it is too large.
_WAIT: Final = re.compile(r'(?:^|,)\s*wait\s*=\s*"?0*(\d{1,4})\d*"?\s*(?:$|[,;])', re.IGNORECASE)
# States nothing changes without somebody's decision.
_ENDS: Final = frozenset({*FINAL, EnrollmentState.PARKED, EnrollmentState.PENDING_APPROVAL})
Content = dict[str, Any]
Reading = Callable[[AsyncSession, Principal, UUID], Awaitable[Content]]


class Changes:
    """Wakes waiting requests when PostgreSQL notifies of a change to their enrollment.

    One connection a process listens, opened at the first wait. A lost connection only means that
    a waiting request is answered when its time is up, from what the table says then. Once it is
    `over`, requests are answered without a wait.
    """

    def __init__(self, database_url: str) -> None:
        self._dsn = dsn_of(database_url)
        self._waiting: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)
        self._connection: asyncpg.Connection | None = None
        self._opening: asyncio.Task[Exception | None] | None = None
        self.over = False

    def end(self) -> None:
        """Wake everybody and let nobody wait any more: this process is about to leave."""
        self.over = True
        for events in self._waiting.values():
            for event in events:
                event.set()

    @asynccontextmanager
    async def subscribed(self, enrollment_id: UUID, seconds: float) -> AsyncIterator[asyncio.Event]:
        """An event set at the next change: subscribe, look at the row, then wait.

        Takes at most `seconds`, and when they are over the event may be one that nothing sets.
        Raises Unavailable when PostgreSQL does not let us listen.
        """
        await self._listen(seconds)
        event = asyncio.Event()
        self._waiting[enrollment_id].add(event)
        try:
            yield event
        finally:
            self._waiting[enrollment_id].discard(event)
            if not self._waiting[enrollment_id]:
                del self._waiting[enrollment_id]

    async def _listen(self, seconds: float) -> None:
        """One attempt at a time, for everybody who comes meanwhile."""
        if seconds <= 0 or (self._connection is not None and not self._connection.is_closed()):
            return
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._open())
        done, _ = await asyncio.wait([self._opening], timeout=seconds)
        for opening in done:
            if (error := opening.result()) is not None:
                raise Unavailable(
                    "The database does not tell of changes at the moment; ask without waiting.",
                    code="database-unavailable",
                ) from error

    async def _open(self) -> Exception | None:
        """Listen; returns what was in the way."""
        try:
            connection = await asyncpg.connect(self._dsn, timeout=5, command_timeout=5)
            try:
                await connection.add_listener(CHANNEL, self._notified)
            except BaseException:
                connection.terminate()
                raise
        except Exception as error:  # noqa: BLE001 -- nobody may be left who would hear of it
            return error
        self._connection = connection
        return None

    def _notified(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        for event in self._waiting.get(UUID(str(payload)), ()):
            event.set()

    async def aclose(self) -> None:
        """Stop listening."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close(timeout=2)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long a caller wants the answer to be held, and what wakes it."""

    seconds: int
    changes: Changes

    @property
    def applied(self) -> dict[str, str]:
        """The header that tells of it, as it may be less than was asked for."""
        return {"Preference-Applied": f"wait={self.seconds}"} if self.seconds else {}


async def wait_for_end(
    database: Database, caller: Principal, enrollment_id: UUID, wait: Waiting, reading: Reading
) -> Content:
    """The enrollment once it is final or waits for a person, or as it is when the time is up or
    this process is about to leave. Raises Unavailable where PostgreSQL does not answer."""
    ends = time.monotonic() + wait.seconds
    while True:
        async with wait.changes.subscribed(enrollment_id, ends - time.monotonic()) as changed:
            async with database.transaction() as session:
                content = await reading(session, caller, enrollment_id)
            left = ends - time.monotonic()
            if content["state"] in _ENDS or left <= 0 or wait.changes.over:
                return content
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), left)


async def looked_at(
    database: Database, caller: Principal, content: Content, wait: Waiting, reading: Reading
) -> Content:
    """A stored enrollment once it is settled, or as it was when the database went away: it is
    stored, and whoever made it or decided about it has to learn of it."""
    if not wait.seconds:
        return content
    try:
        return await wait_for_end(database, caller, enrollment_of(content), wait, reading)
    except Unavailable:
        return content


def enrollment_of(content: Content) -> UUID:
    """Which enrollment an answer tells of: it is one, or names the one that was made."""
    return UUID(str(content.get("enrollment_id", content.get("id"))))


def made(content: Content, wait: Waiting | None = None) -> Response:
    """201 with the certificate's address where it was issued while it was waited for; otherwise
    202: stored, and looked after from here on."""
    applied = {} if wait is None else wait.applied
    if applied and content["state"] == EnrollmentState.ISSUED:
        location = {"Location": f"/certificates/{content['certificate_id']}"}
        return reply(content, status=201, headers=location | applied)
    headers = {
        "Location": f"/enrollments/{enrollment_of(content)}",
        "Retry-After": retry_after(content["state"]),
    }
    return reply(content, status=202, headers=headers | applied)


def making(answer: type[Output], *refusals: int) -> dict[str, Any]:
    """The keywords of a route that makes an enrollment and answers with `made`."""
    accepted = "Stored; look again at `Location` after `Retry-After` seconds."
    return {
        "status_code": 201,
        "response_model": answer,
        "response_description": "Issued while it was waited for; `Location` is the certificate.",
        "responses": {202: {"model": answer, "description": accepted}} | problems(*refusals),
        "openapi_extra": prefer(),
    }


def prefer() -> dict[str, Any]:
    """`openapi_extra` of an operation that takes `Wait`.

    As a parameter of its own the header would cost every request more than the whole body does.
    """
    description = (
        f"`wait=N`: hold the answer up to N seconds (at most {LONGEST_WAIT}) for the certificate."
    )
    schema = {
        "anyOf": [{"type": "string"}, {"type": "null"}],
        "description": description,
        "title": "Prefer",
    }
    header = {"name": "Prefer", "in": "header", "required": False, "schema": schema}
    return {"parameters": [header | {"description": description, "example": "wait=10"}]}


async def _waiting(request: Request) -> Waiting:
    found = _WAIT.search(",".join(request.headers.getlist("prefer")))
    seconds = min(int(found[1]), LONGEST_WAIT) if found else 0
    return Waiting(seconds, request.app.state.changes)


Wait = Annotated[Waiting, Depends(_waiting)]
