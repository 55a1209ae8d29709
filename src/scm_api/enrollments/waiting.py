"""Holding a request until its enrollment has moved on: `Prefer: wait=N` (RFC 7240 section 4.3)."""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Request

from scm_api.core.errors import Unavailable
from scm_api.database_url import dsn_of
from scm_api.db.models.enrollments import CHANNEL

LONGEST_WAIT = 30
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})(?:$|[,;\s])")


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
    found = _WAIT.search(request.headers.get("prefer", ""))
    seconds = min(int(found[1]), LONGEST_WAIT) if found else 0
    return Waiting(seconds, request.app.state.changes)


Wait = Annotated[Waiting, Depends(_waiting)]
