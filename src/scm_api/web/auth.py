"""Who is asking: an API key in the Authorization header, looked up by its digest."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Annotated, Any, Final

from cachetools import TTLCache
from fastapi import Depends, Request, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from fastapi.security.utils import get_authorization_scheme_param
from sqlalchemy import ARRAY, Row, Uuid, and_, bindparam, func, not_, or_, select
from sqlalchemy.sql import ColumnElement

from scm_api.core.access import Principal
from scm_api.core.errors import Unauthenticated
from scm_api.core.rate_limit import one_caller
from scm_api.core.rights import narrowed
from scm_api.core.vocabulary import Role
from scm_api.db.models import Admin, ApiKey, Organization
from scm_api.db.rights import rights_of, scope_of
from scm_api.db.session import Database
from scm_api.settings import Settings
from scm_api.web.rate_limits import RateLimit, wrong_key_limit

KEY_PREFIX = "scm_"
# A key dies at the next request after this many seconds at the latest.
CACHE_SECONDS = 5
# So long after it was looked up with success a key is, once again, whatever else its address sends.
_PROVEN_SECONDS: Final = 24 * 60 * 60
_READING: Final = frozenset({"GET", "HEAD"})
_DOMAIN = b"scm-api api key v1"

_DESCRIPTION = "An API key of this service, as it was shown: `scm_…`, without `Bearer`."


def new_key() -> tuple[str, str, bytes]:
    """A fresh key: the text shown once, the prefix people recognise it by, the digest kept."""
    text = KEY_PREFIX + secrets.token_urlsafe(32)
    return text, text[: len(KEY_PREFIX) + 6], digest(text)


def digest(key: str) -> bytes:
    """What is stored of a key. 256 random bits need no slow hash: there is nothing to guess."""
    return hmac.digest(_DOMAIN, key.encode(), hashlib.sha256)


class Authenticator:
    """Finds principals by key; remembers a find for a few seconds, never a miss.

    Addresses from which wrong keys come are limited by `wrong_keys`. Many callers may share one,
    behind a proxy, so what was right lately goes on.
    """

    def __init__(
        self,
        database: Database,
        wrong_keys: RateLimit | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` tells the seconds by which finds are forgotten."""
        self._database = database
        self._wrong_keys = wrong_keys or wrong_key_limit(Settings())
        self._known: TTLCache[bytes, Principal] = TTLCache(10_000, CACHE_SECONDS, clock)
        self._proven: TTLCache[bytes, None] = TTLCache(10_000, _PROVEN_SECONDS, clock)

    def forget(self) -> None:
        """Look everybody up again, because keys or admins changed in this process just now."""
        self._known.clear()

    async def principal(self, key: str, host: str = "unknown") -> Principal:
        """The admin behind `key`, which came from the address `host`.

        Raises Unauthenticated, in the same words for every cause, and RateLimited where the
        address sent too many wrong keys: then nothing is looked up.
        """
        wanted = digest(key)
        known: Principal | None = self._known.get(wanted)
        if known is None:
            known = self._known[wanted] = await self._look_up(wanted, one_caller(host))
        return known

    async def _look_up(self, wanted: bytes, caller: str) -> Principal:
        if wanted not in self._proven:
            await self._wrong_keys.check(caller)
        try:
            found = await self._find(wanted)
        except Unauthenticated:
            self._proven.pop(wanted, None)
            self._wrong_keys.count(caller)
            raise
        self._proven[wanted] = None
        return found

    async def _find(self, wanted: bytes) -> Principal:
        async with self._database.transaction() as session:
            found = await session.execute(_PRINCIPAL, {"digest": wanted})
            row = found.one_or_none()
        if row is None:
            raise Unauthenticated("This API key is not known, has expired or was revoked.")
        return _principal(row)


def _organizations() -> ColumnElement[Any]:
    """Organizations and departments both the admin and the key act in.

    Nothing is read for who acts in the whole account.
    """
    whole_account = and_(
        Admin.role == Role.MRAO, func.coalesce(ApiKey.role, Role.MRAO) == Role.MRAO
    )
    query = select(Organization.id).where(not_(whole_account))
    for holder in (Admin, ApiKey):
        query = query.where(
            or_(
                func.coalesce(holder.role, Role.MRAO) == Role.MRAO,
                Organization.id == holder.organization_ids.any_(),
                and_(
                    holder.role == Role.RAO,
                    Organization.parent_id == holder.organization_ids.any_(),
                ),
            )
        )
    return func.array(query.correlate(Admin, ApiKey).scalar_subquery(), type_=ARRAY(Uuid()))


# Made once, asked for at almost every request.
_PRINCIPAL: Final = select(
    Admin,
    ApiKey,
    _organizations().label("seen"),
).where(
    ApiKey.digest == bindparam("digest"),
    ApiKey.admin_id == Admin.id,
    ApiKey.revoked_at.is_(None),
    or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()),
    Admin.active,
)


def _principal(row: Row[Any]) -> Principal:
    admin, key = row.Admin, row.ApiKey
    role, types, privileges = narrowed(rights_of(admin), scope_of(key))
    return Principal(
        admin_id=admin.id,
        name=admin.name,
        role=role,
        api_key_id=key.id,
        organization_ids=None if role is Role.MRAO else frozenset(row.seen),
        certificate_types=types,
        privileges=privileges,
        key_expires_at=key.expires_at,
        known_to=frozenset(key.known_to),
    )


async def _authenticator(request: Request) -> Authenticator:
    authenticator: Authenticator = request.app.state.authenticator
    return authenticator


class _ApiKey(SecurityBase):
    """The scheme of the contract and who is behind it: as two dependencies they would cost every
    request twice as much."""

    model = HTTPBearer(description=_DESCRIPTION)
    scheme_name = "ApiKey"

    async def __call__(self, request: Request) -> Principal:
        scheme, key = get_authorization_scheme_param(request.headers.get("authorization"))
        if scheme.lower() != "bearer" or not key:
            raise Unauthenticated(
                "Send an API key: Authorization: Bearer scm_… "
                "(make one with `scm-api admin create`)."
            )
        if not key.startswith(KEY_PREFIX):
            raise Unauthenticated(
                f"This is no API key of this service: they begin with {KEY_PREFIX}. "
                "After `Bearer` and a blank comes the key alone."
            )
        state, client = request.app.state, request.client
        authenticator: Authenticator = state.authenticator
        caller = await authenticator.principal(key, client.host if client else "unknown")
        if request.method not in _READING:
            changes: RateLimit = state.changes_by_key
            await changes.check(caller.api_key_id)
            changes.count(caller.api_key_id)
        return caller


Keys = Annotated[Authenticator, Depends(_authenticator)]
Caller = Annotated[Principal, Security(_ApiKey())]
