"""Going along the whole chain of seals, and everything they cover, with constant memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, select

from scm_api.core.audit_seals import Break, Seal, Verification
from scm_api.core.sealing import KeyRing
from scm_api.db.audit_seals import events_between, seal_from
from scm_api.db.base import Base
from scm_api.db.models import AuditEvent, AuditSeal
from scm_api.db.session import Database
from scm_api.db.statements import Single, Statement

_EVENTS: Final = Base.metadata.tables[AuditEvent.__tablename__]
_SEALS: Final = Base.metadata.tables[AuditSeal.__tablename__]
_PAGE: Final = 20  # seals
_BEFORE_ALL: Final = -(2**63)  # who adds an event may number it as they like

_FOLLOWING: Final = Statement(
    select(_SEALS)
    .where(_SEALS.c.number > bindparam("after"))
    .order_by(_SEALS.c.number)
    .limit(_PAGE)
)
_UNSEALED: Final = Statement(
    select(func.count().label("count"), func.min(_EVENTS.c.at).label("since")).where(
        _EVENTS.c.number > bindparam("after")
    )
)


@dataclass(frozen=True, slots=True)
class Verified:
    """`broken` is None where everything holds that is sealed. `sealed` counts the events that were
    compared, `unsealed` those that no seal covers yet, of which the oldest is from `since`."""

    broken: Break | None
    sealed: int
    unsealed: int
    since: datetime | None
    head: Seal


async def verify(
    database: Database, ring: KeyRing, head: tuple[int, bytes] | None = None
) -> Verified:
    """Compare what is stored with what was sealed; `head` is number and digest of a seal that was
    exported before."""
    chain = Verification(ring, head)
    sealed = 0
    async with database.each_statement() as connection:
        broken = None
        async for seal in _seals(connection):
            after = chain.newest.through if chain.newest.number else _BEFORE_ALL
            broken = chain.follow(seal)
            if broken is None:
                events = await events_between(connection, after, seal.through, seal.count + 1)
                broken = chain.compare(events)
            if broken is not None:
                break
            sealed += seal.count
        broken = broken or chain.end()
        after = chain.newest.through if chain.newest.number else _BEFORE_ALL
        (rest,) = await _UNSEALED.fetch(connection, {"after": after})
    return Verified(broken, sealed, rest["count"], rest["since"], chain.newest)


async def _seals(connection: Single) -> AsyncIterator[Seal]:
    after = _BEFORE_ALL
    while rows := await _FOLLOWING.fetch(connection, {"after": after}):
        for row in rows:
            yield seal_from(row)
        after = rows[-1]["number"]
