"""Same Idempotency-Key and same body: same answer, and the thing is made once."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request, Response
from sqlalchemy import bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal
from scm_api.core.errors import Fault, Forbidden, Invalid, NotFound, ScmError, Unavailable
from scm_api.core.sealing import KeyRing, Unsealable
from scm_api.db.base import Base
from scm_api.db.conflicts import KeyRepeated
from scm_api.db.models import IdempotencyRecord
from scm_api.db.rows import NewRow
from scm_api.db.secrets import answer_owner
from scm_api.db.session import Database
from scm_api.db.statements import Single, Statement
from scm_api.web.auth import Caller
from scm_api.web.deps import Resources

_KEPT_HEADERS = ("location", "etag", "retry-after", "preference-applied")
_TRIES = 3
_DIGEST_BYTES: Final = hashlib.sha256().digest_size
_HEADER = "header/Idempotency-Key"

# Rows, not objects: this is in the way of every creating request.
_RECORDS: Final = Base.metadata.tables[IdempotencyRecord.__tablename__]
_FIND: Final = Statement(
    select(_RECORDS).where(
        _RECORDS.c.principal_id == bindparam("principal_id"), _RECORDS.c.key == bindparam("key")
    )
)
_KEEP: Final = insert(_RECORDS)


class Once:
    """Runs a creating POST at most once per key; without a key, just once.

    The kept answer is sealed, because the answer that makes an API key holds the key. So is the
    digest of the request: a password in it could be guessed by it, and compared.
    """

    def __init__(
        self, database: Database, ring: KeyRing, caller: Principal, key: str | None, digest: bytes
    ) -> None:
        self._database = database
        self._ring = ring
        self.caller = caller
        self.key = key
        self._digest = digest

    def told_apart_by(self, content: str) -> "Once":
        """The same, where not the whole body but this tells another request apart: what is kept
        of a request must not help anybody to guess a password in it."""
        digest = hashlib.sha256(content.encode()).digest()
        return Once(self._database, self._ring, self.caller, self.key, digest)

    @property
    def _identity(self) -> dict[str, Any]:
        return {"principal_id": self.caller.admin_id, "key": self.key}

    @property
    def _owner(self) -> str:
        return answer_owner(self.caller.admin_id, self.key)

    async def create(self, work: Callable[[AsyncSession], Awaitable[Response]]) -> Response:
        """Do `work` in a transaction that also keeps its answer, or give the answer kept.

        Raises Invalid when the key came with another request before (`idempotency-key-reused`), or
        when no key of the ring opens the answer (`idempotency-answer-lost`).
        Nobody looks for the key first: a repeat fails at the unique key, or at what the first has
        changed since, is rolled back and gets the answer of the first. Of two at once, the second
        waits at the unique key and goes the same way.
        """

        async def attempt() -> Response:
            async with self._database.transaction() as session:
                answer = await work(session)
                for row in self.kept_rows(answer):
                    await session.execute(_KEEP, row.values)
                return answer

        return await self._first(attempt)

    async def create_in_one(self, work: Callable[[Single], Awaitable[Response]]) -> Response:
        """Like `create`, for work whose only change is one statement, which inserts `kept_rows`
        along with the thing it makes.
        """

        async def attempt() -> Response:
            async with self._database.each_statement() as connection:
                return await work(connection)

        return await self._first(attempt)

    async def _first(self, attempt: Callable[[], Awaitable[Response]]) -> Response:
        for _ in range(_TRIES):
            try:
                return await attempt()
            except KeyRepeated:
                if (kept := await self._kept()) is not None:
                    return kept
            except ScmError as error:
                if (kept := await self.kept_despite(error)) is None:
                    raise
                return kept
        raise Unavailable("Another request with this Idempotency-Key is under way.", retry_after=1)

    async def kept_despite(self, error: ScmError) -> Response | None:
        """The answer kept for this key, if any, of a request that cannot be done again because of
        `error`. What was kept for a key that may more is not for one that may less. Raises Invalid
        like `create`."""
        return None if _is_beyond(error) else await self._kept()

    async def _kept(self) -> Response | None:
        """The answer kept for this key, if any."""
        if self.key is None:
            return None
        async with self._database.each_statement() as connection:
            found = await _FIND.fetch(connection, self._identity)
        if not found:
            return None
        (record,) = found
        try:
            kept = record["request_digest"] + self._ring.open(record["body"], self._owner)
        except Unsealable as error:
            detail = f"A request with this key was done before; its answer cannot be read: {error}."
            accepted = "a look at what it made, and a key of its own for what is still missing"
            fault = Fault(_HEADER, "idempotency-answer-lost", detail, accepted)
            raise Invalid([fault]) from error
        digest, body = kept[:_DIGEST_BYTES], kept[_DIGEST_BYTES:]
        if not hmac.compare_digest(digest, self._digest):
            detail = "This Idempotency-Key was used for another request before."
            accepted = "a key of its own for each different request"
            raise Invalid([Fault(_HEADER, "idempotency-key-reused", detail, accepted)])
        return Response(body, record["status"], record["headers"], "application/json")

    def kept_rows(self, answer: Response) -> Sequence[NewRow]:
        """The row that keeps the answer; none without a key."""
        if self.key is None:
            return ()
        values = {
            "request_digest": b"",
            "status": answer.status_code,
            "headers": {
                name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers
            },
            "body": self._ring.seal(self._digest + bytes(answer.body), self._owner),
        }
        return (NewRow(_RECORDS, self._identity | values),)


def _is_beyond(error: ScmError) -> bool:
    """Whether there is something that the caller may not do or see, or PostgreSQL is away."""
    if isinstance(error, Invalid):
        return any(fault.code == "reference-not-found" for fault in error.faults)
    return isinstance(error, (Unavailable, Forbidden, NotFound))


async def _once(
    request: Request,
    caller: Caller,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=128,
            pattern=r"^[\x21-\x7e]+$",
            description="Any text of your own; a repeat with the same key gives the same answer.",
        ),
    ] = None,
) -> Once:
    app: Resources = request.app.state.resources
    line = f"{request.method} {request.scope['path']}\n".encode()
    digest = hashlib.sha256(line + await request.body()).digest()
    return Once(app.database, app.ring, caller, key, digest)


OnceOnly = Annotated[Once, Depends(_once)]
