"""Seals of audit events, made apart from what writes the events: those take no lock for it."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Text, bindparam, cast, func, select, text
from sqlalchemy.dialects.postgresql import insert

from scm_api.core.audit_seals import FIELDS, GENESIS, Event, Seal, next_seal
from scm_api.core.sealing import KeyRing
from scm_api.db.base import Base
from scm_api.db.models import AuditEvent, AuditSeal
from scm_api.db.session import Database
from scm_api.db.statements import Single, Statement

_EVENTS: Final = Base.metadata.tables[AuditEvent.__tablename__]
_SEALS: Final = Base.metadata.tables[AuditSeal.__tablename__]
_EACH: Final = 1_000  # events in a seal
_AT_ONCE: Final = 100  # seals
_LOOK_AGAIN: Final = 0.05  # seconds
_PATIENCE: Final = timedelta(seconds=5)

_FIELDS: Final = [
    cast(_EVENTS.c[name], Text).label(name) if name == "details" else _EVENTS.c[name]
    for name in FIELDS
]
_BETWEEN: Final = Statement(
    select(*_FIELDS)
    .where(_EVENTS.c.number > bindparam("after"), _EVENTS.c.number <= bindparam("through"))
    .order_by(_EVENTS.c.number)
    .limit(bindparam("limit"))
)
_NEWEST: Final = Statement(select(_SEALS).order_by(_SEALS.c.number.desc()).limit(1))
_LAST_EVENT: Final = Statement(
    select(func.max(_EVENTS.c.number).label("number"), func.clock_timestamp().label("at"))
)
# Every INSERT holds this lock from before it is given a number until what it wrote is to be seen or
# never will be. A transaction's xid is no sign of it: that may be given after the number.
_WRITERS: Final = Statement(
    text("""
    SELECT virtualtransaction AS writer FROM pg_locks
     WHERE locktype = 'relation' AND relation = CAST('audit_events' AS regclass)
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND mode = 'RowExclusiveLock' AND granted
""")
)
_ADD: Final = Statement(
    insert(_SEALS)
    .values({column.name: bindparam(column.name, type_=column.type) for column in _SEALS.columns})
    .on_conflict_do_nothing()
    .returning(_SEALS.c.number)
)


async def events_between(
    connection: Single, after: int, through: int, limit: int
) -> Sequence[Event]:
    """Events numbered above `after` and up to `through`, as they are sealed."""
    return await _BETWEEN.fetch(connection, {"after": after, "through": through, "limit": limit})


async def newest_seal(connection: Single) -> Seal:
    """The head of the chain; GENESIS where nothing was sealed yet."""
    found = await _NEWEST.fetch(connection, {})
    return seal_from(found[0]) if found else GENESIS


def seal_from(row: Mapping[str, Any]) -> Seal:
    """The seal in a row of `audit_seals`."""
    return Seal(**row)


async def seal_events(database: Database, ring: KeyRing, patience: timedelta = _PATIENCE) -> int:
    """Seal what is there and can get no event between any more; returns how many events.

    Numbers are given before the commit, so that a lower one may be seen later than a higher one.
    Where who was writing does not end within `patience`, nothing is sealed this time. Of several
    workers at once, one makes a seal. Raises Unproven.
    """
    async with database.each_statement() as connection:
        (last,) = await _LAST_EVENT.fetch(connection, {})
        newest = await newest_seal(connection)
    through = last["number"]
    if through is None or through <= newest.through or not await _complete(database, patience):
        return 0
    sealed = 0
    for _ in range(_AT_ONCE):
        async with database.each_statement() as connection:
            events = await events_between(connection, newest.through, through, _EACH)
            if not events:
                break
            newest = next_seal(newest, events, last["at"], ring)
            if not await _add(connection, newest):
                break
        sealed += len(events)
    return sealed


async def _complete(database: Database, patience: timedelta) -> bool:
    """Whether everybody has ended who writes events now."""
    before = await _writers(database)
    looks = int(patience.total_seconds() / _LOOK_AGAIN)
    while before and looks > 0:
        await asyncio.sleep(_LOOK_AGAIN)
        before &= await _writers(database)
        looks -= 1
    return not before


async def _writers(database: Database) -> set[str]:
    async with database.each_statement() as connection:
        return {row["writer"] for row in await _WRITERS.fetch(connection, {})}


async def prove_anew(database: Database, ring: KeyRing) -> None:
    """Have the active key vouch for all that is sealed, so that an older one can be retired.
    Raises Unproven."""
    while True:
        async with database.each_statement() as connection:
            newest = await newest_seal(connection)
            if newest == GENESIS or newest.key_id == ring.active:
                return
            (last,) = await _LAST_EVENT.fetch(connection, {})
            await _add(connection, next_seal(newest, (), last["at"], ring))


async def _add(connection: Single, seal: Seal) -> bool:
    """Whether it is the next one; False when another worker was first."""
    values = {column.name: getattr(seal, column.name) for column in _SEALS.columns}
    return bool(await _ADD.fetch(connection, values))
