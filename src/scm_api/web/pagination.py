"""Keyset pages: newest first, no OFFSET, no count; a cursor is worth nothing to anybody else."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from scm_api.core.errors import Malformed
from scm_api.db.statements import AnySelect
from scm_api.web.auth import Caller
from scm_api.web.deps import Resources
from scm_api.web.replies import reply

MAX_LIMIT = 200
_MAC_BYTES = 16


def next_page(request: Request, cursor: str | None, limit: int) -> dict[str, str]:
    """The Link header (RFC 8288) to the next page of a list; none after the last one."""
    if cursor is None:
        return {}
    url = request.url.include_query_params(cursor=cursor, limit=limit)
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}


class Page:
    """One page of one list, as one caller asked for it."""

    def __init__(
        self, request: Request, secret: bytes, caller: str, limit: int, cursor: str | None
    ) -> None:
        self._request = request
        self._secret = secret
        self._caller = caller
        self.limit = limit
        self._after = self._open(cursor) if cursor is not None else None

    async def fetch(
        self, session: AsyncSession, query: AnySelect, key: InstrumentedAttribute[Any]
    ) -> Sequence[Any]:
        """Rows of `query` after the cursor, ordered by the unique column `key` descending.

        Reads one row more than the page holds, which is how the end is noticed.
        """
        if self._after is not None:
            query = query.where(key < self._key_value(key))
        rows = await session.execute(query.order_by(key.desc()).limit(self.limit + 1))
        found: Sequence[Any] = rows.mappings().all()
        return found

    def reply(self, items: list[dict[str, Any]], key: str = "id") -> Response:
        """The page as JSON with the address of the next one, if there is one."""
        following = None
        if len(items) > self.limit:
            items = items[: self.limit]
            following = self._seal(str(items[-1][key]))
        headers = next_page(self._request, following, self.limit)
        return reply({"items": items, "next_cursor": following}, headers=headers)

    def _key_value(self, key: InstrumentedAttribute[Any]) -> Any:
        assert self._after is not None
        return UUID(self._after) if key.type.python_type is UUID else int(self._after)

    def _mac(self, last: str) -> bytes:
        filters = sorted(
            (name, value)
            for name, value in self._request.query_params.multi_items()
            if name not in {"cursor", "limit"}
        )
        scope = repr((self._caller, self._request.url.path, filters, last))
        return hmac.digest(self._secret, scope.encode(), hashlib.sha256)[:_MAC_BYTES]

    def _seal(self, last: str) -> str:
        return base64.urlsafe_b64encode(self._mac(last) + last.encode()).decode().rstrip("=")

    def _open(self, cursor: str) -> str:
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            last = raw[_MAC_BYTES:].decode()
        except (binascii.Error, ValueError):
            raw, last = b"", ""
        if not last or not hmac.compare_digest(raw[:_MAC_BYTES], self._mac(last)):
            raise Malformed(
                "This cursor was not given to you for this list with these filters; "
                "start again without one.",
                code="cursor-invalid",
                pointer="query/cursor",
            )
        return last


async def _page(
    request: Request,
    caller: Caller,
    limit: Annotated[
        int, Query(ge=1, le=MAX_LIMIT, description="How many items a page holds.")
    ] = 50,
    cursor: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="`next_cursor` of the page before."),
    ] = None,
) -> Page:
    app: Resources = request.app.state.resources
    secret = app.ring.derive("pagination")
    return Page(request, secret, str(caller.admin_id), limit, cursor)


Paged = Annotated[Page, Depends(_page)]
