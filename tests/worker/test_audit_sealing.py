"""T63: audit events are sealed by the worker, and what the owner of the tables does is found."""

import asyncio
import base64
import json
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from running import KEY_RING
from scm_api.audit.verifying import verify
from scm_api.connectors.resealing import reseal_all
from scm_api.core.audit_seals import Unproven, exported, kept_head
from scm_api.core.sealing import KeyRing
from scm_api.db.audit import record
from scm_api.db.audit_seals import newest_seal, seal_events
from scm_api.db.session import Database
from scm_api.db.statements import Statement

RING = KeyRing.parse([KEY_RING])
NEW = f"new:{base64.b64encode(bytes(32)).decode()}"
AT_ONCE = timedelta(0)
_HELD_UP = text("""
    INSERT INTO audit_events (action, subject_kind, subject_id, details)
    VALUES ('x', 'x', gen_random_uuid(),
            jsonb_build_object('waited', CAST(pg_advisory_xact_lock(1) AS text)))
""")
_WAITING = Statement(
    text("""
    SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'
""")
)
_MANY = text("""
    INSERT INTO audit_events (action, subject_kind, subject_id, details)
    SELECT 'admin.created', 'admin', gen_random_uuid(), jsonb_build_object('place', place)
      FROM generate_series(1, 2500) AS place
""")


def _add(session: AsyncSession, many: int = 1) -> None:
    for _ in range(many):
        record(session, None, "admin.updated", ("admin", UUID(int=1)), details={"changed": ["x"]})


async def as_owner(database: Database, *statements: str) -> None:
    """As who owns the tables, and lets no trigger be in the way."""
    async with database.transaction() as session:
        for table in ("audit_events", "audit_seals"):
            await session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        for statement in statements:
            await session.execute(text(statement))


@pytest.fixture
async def six(database: Database) -> Database:
    """Events 1 to 3 and 4 to 6 have a seal each; 7 has none yet."""
    for _ in range(2):
        async with database.transaction() as session:
            _add(session, 3)
        assert await seal_events(database, RING) == 3
    async with database.transaction() as session:
        _add(session)
    return database


async def test_what_is_sealed_holds_and_what_is_not_is_counted(six: Database) -> None:
    done = await verify(six, RING)
    assert (done.broken, done.sealed, done.unsealed, done.head.through) == (None, 6, 1, 6)
    assert done.since is not None


@pytest.mark.parametrize(
    ("statement", "number", "why"),
    [
        ("UPDATE audit_events SET details = '{}' WHERE number = 5", 5, "changed"),
        ("DELETE FROM audit_events WHERE number IN (2, 5)", 2, "missing"),
        ("DELETE FROM audit_events WHERE number >= 6", 6, "missing"),
        (
            "UPDATE audit_events AS e SET at = o.at, action = 'x', subject_id = o.subject_id,"
            " details = o.details FROM audit_events AS o"
            " WHERE e.number IN (3, 4) AND o.number = 7 - e.number",
            3,
            "changed",
        ),
        (
            "INSERT INTO audit_events (number, action, subject_kind, subject_id, details)"
            " OVERRIDING SYSTEM VALUE VALUES (-1, 'x', 'x', gen_random_uuid(), '{}')",
            -1,
            "added",
        ),
        ("DELETE FROM audit_seals WHERE number = 1", 1, "seal 1 is missing"),
        ("UPDATE audit_seals SET through = 5 WHERE number = 2", 4, "seal 2 was changed"),
    ],
)
async def test_t63_the_first_number_that_the_owner_of_the_tables_altered_is_named(
    six: Database, statement: str, number: int, why: str
) -> None:
    await as_owner(six, statement)
    broken = (await verify(six, RING)).broken
    assert broken is not None
    assert broken.number == number
    assert why in broken.why


async def test_t63_a_cut_tail_is_seen_through_the_exported_head(six: Database) -> None:
    async with six.each_statement() as connection:
        head = kept_head(json.dumps(exported(await newest_seal(connection))))
    await as_owner(
        six, "DELETE FROM audit_events WHERE number > 4", "DELETE FROM audit_seals WHERE number > 1"
    )
    assert await seal_events(six, RING) == 1
    assert (await verify(six, RING)).broken is None
    broken = (await verify(six, RING, head)).broken
    assert broken is not None
    assert broken.why == "audit seal 2 is not the one that was exported"


async def test_t63_nothing_is_sealed_above_an_event_that_may_still_come(database: Database) -> None:
    """It has a lower number than what was committed meanwhile: from the moment it is put together,
    when its transaction has no id yet, until the commit."""

    async def one_more(sealed: int) -> None:
        async with database.transaction() as session:
            _add(session)
        assert await seal_events(database, RING, AT_ONCE) == sealed

    await one_more(1)
    async with database.transaction() as slow:
        async with database.transaction() as holding:
            await holding.execute(text("SELECT pg_advisory_xact_lock(1)"))
            inserting = asyncio.create_task(slow.execute(_HELD_UP))
            await _held_up(database)
            await one_more(0)
        await inserting
        await one_more(0)
    await one_more(4)
    assert (await verify(database, RING)).broken is None


async def _held_up(database: Database) -> None:
    async with asyncio.timeout(20), database.each_statement() as connection:
        while True:
            if await _WAITING.fetch(connection, {}):
                return
            await asyncio.sleep(0.001)


async def test_a_number_that_was_rolled_back_is_no_gap(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(
            text("SELECT nextval(pg_get_serial_sequence('audit_events', 'number'))")
        )
    async with database.transaction() as session:
        _add(session)
    assert await seal_events(database, RING) == 1
    done = await verify(database, RING)
    assert (done.broken, done.head.through) == (None, 2)


async def test_workers_at_once_make_one_seal_of_many_events_in_steps(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(_MANY)
    sealed = await asyncio.gather(*(seal_events(database, RING) for _ in range(4)))
    assert sum(sealed) <= 2500
    while await seal_events(database, RING):
        pass
    done = await verify(database, RING)
    assert (done.broken, done.sealed, done.unsealed) == (None, 2500, 0)
    assert done.head.number == 3


async def test_t63_a_forged_seal_is_not_followed(six: Database) -> None:
    await as_owner(six, "UPDATE audit_seals SET digest = sha256('x') WHERE number = 2")
    with pytest.raises(Unproven):
        await seal_events(six, RING)
    done = await reseal_all(six, KeyRing.parse([NEW, KEY_RING]))
    assert done.unproven_audit == "Audit seal 2 was not made by this service."


async def test_after_a_rotation_no_older_key_is_needed(six: Database) -> None:
    done = await reseal_all(six, KeyRing.parse([NEW, KEY_RING]))
    assert done.unproven_audit is None
    only_new = KeyRing.parse([NEW])
    assert await seal_events(six, only_new) == 1
    verified = await verify(six, only_new)
    assert (verified.broken, verified.sealed) == (None, 7)
