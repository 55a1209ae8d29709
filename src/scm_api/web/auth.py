"""Who is asking: an API key in the Authorization header, looked up by its digest."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from cachetools import TTLCache
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import func, or_, select

from scm_api.core.access import Principal
from scm_api.core.errors import Unauthenticated
from scm_api.core.vocabulary import Role
from scm_api.db.models import Admin, ApiKey
from scm_api.db.session import Database

KEY_PREFIX = "scm_"
# A key dies at the next request after this many seconds at the latest.
CACHE_SECONDS = 5
_DOMAIN = b"scm-api api key v1"

bearer = HTTPBearer(
    scheme_name="ApiKey",
    description="An API key of this service: `Authorization: Bearer scm_…`",
    auto_error=False,
)


def new_key() -> tuple[str, str, bytes]:
    """A fresh key: the text shown once, the prefix people recognise it by, the digest kept."""
    text = KEY_PREFIX + secrets.token_urlsafe(32)
    return text, text[: len(KEY_PREFIX) + 6], digest(text)


def digest(key: str) -> bytes:
    """What is stored of a key. 256 random bits need no slow hash: there is nothing to guess."""
    return hmac.digest(_DOMAIN, key.encode(), hashlib.sha256)


class Authenticator:
    """Finds principals by key; remembers a find for a few seconds, never a miss."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells the seconds by which finds are forgotten."""
        self._database = database
        self._known: TTLCache[bytes, Principal] = TTLCache(10_000, CACHE_SECONDS, clock)

    def forget(self) -> None:
        """Look everybody up again, because keys or admins changed in this process just now."""
        self._known.clear()

    async def principal(self, key: str) -> Principal:
        """The admin behind `key`; raises Unauthenticated, in the same words for every cause."""
        wanted = digest(key)
        known: Principal | None = self._known.get(wanted)
        if known is None:
            known = self._known[wanted] = await self._find(wanted)
        return known

    async def _find(self, wanted: bytes) -> Principal:
        found = select(ApiKey.id, Admin.id.label("admin_id"), Admin.name, Admin.role).where(
            ApiKey.digest == wanted,
            ApiKey.admin_id == Admin.id,
            ApiKey.revoked_at.is_(None),
            or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()),
            Admin.active,
        )
        async with self._database.transaction() as session:
            row = (await session.execute(found)).one_or_none()
        if row is None:
            raise Unauthenticated("This API key is not known, has expired or was revoked.")
        key_id: UUID = row.id
        return Principal(row.admin_id, row.name, Role(row.role), key_id, organization_ids=None)


async def _authenticator(request: Request) -> Authenticator:
    authenticator: Authenticator = request.app.state.authenticator
    return authenticator


async def _current(
    authenticator: Annotated[Authenticator, Depends(_authenticator)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
) -> Principal:
    if credentials is None:
        raise Unauthenticated(
            "Send an API key: Authorization: Bearer scm_… (make one with `scm-api admin create`)."
        )
    return await authenticator.principal(credentials.credentials)


Keys = Annotated[Authenticator, Depends(_authenticator)]
Caller = Annotated[Principal, Depends(_current)]
