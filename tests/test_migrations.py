"""Migrations and models say the same, and every step can be taken back."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import select, text

from databases import Databases
from scm_api.db.base import new_id
from scm_api.db.migrate import MigrationError, upgrade
from scm_api.db.models import Admin, ApiKey, AuditEvent
from scm_api.db.schema import revisions
from scm_api.db.session import Database

ROOT = Path(__file__).parents[1]


def _config(url: str) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


async def test_migrations_equal_the_models(database_url: str) -> None:
    await asyncio.to_thread(command.check, _config(database_url))


async def test_nobody_gains_when_limits_are_taken_back(database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    async with database.transaction() as session:
        limited = Admin(name="Bea", email="bea@example.com", role="rao")
        session.add_all([limited, Admin(name="Ada", email="ada@example.com", role="mrao")])
        await session.flush()
        session.add(
            ApiKey(admin_id=limited.id, name="key", prefix="scm_", digest=b"1", role="drao")
        )
    await asyncio.to_thread(command.downgrade, _config(database_url), "0001")
    async with database.transaction() as session:
        active = await session.execute(text("SELECT role, active FROM admins ORDER BY role"))
        assert active.all() == [("mrao", True), ("rao", False)]
        assert await session.scalar(text("SELECT revoked_at IS NOT NULL FROM api_keys"))
    await database.aclose()


async def test_names_that_are_there_are_found_in_every_spelling(database_url: str) -> None:
    spelled = {
        ("dns", "www.example.com"): "www.example.com",
        ("dns", "WWW.Example.com"): "www.example.com",
        ("dns", "www.example.com."): "www.example.com",
        ("dns", "*.example.com"): "*.example.com",
        ("dns", "xn--A.example.com"): "xn--a.example.com",
        ("email", "Jo.Doe@Example.com"): "jo.doe@example.com",
        ("ip", "2001:db8::1"): "2001:db8::1",
    }
    await asyncio.to_thread(command.downgrade, _config(database_url), "0025")
    database = Database(database_url, pool_size=1)
    statement = text("INSERT INTO certificate_names VALUES (:id, :kind, :value)")
    one = uuid4()
    rows = [{"id": one, "kind": kind, "value": value} for kind, value in spelled]
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(statement, rows)
    await asyncio.to_thread(command.upgrade, _config(database_url), "head")
    async with database.transaction() as session:
        found = await session.execute(text("SELECT kind, value, comparable FROM certificate_names"))
        assert {(kind, value): text for kind, value, text in found} == spelled
    await database.aclose()


async def test_a_database_of_a_newer_version_is_left_as_it_is(database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    async with database.transaction() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.aclose()
    with pytest.raises(MigrationError, match=r"'9999'\. A newer version"):
        await asyncio.to_thread(upgrade, database_url)


async def test_revisions_are_those_of_the_migrations(database_url: str) -> None:
    script = ScriptDirectory.from_config(_config(database_url))
    assert revisions() == tuple(each.revision for each in script.walk_revisions())[::-1]


async def test_every_migration_can_be_taken_back(databases: Databases, database_url: str) -> None:
    config = _config(database_url)
    await asyncio.to_thread(command.downgrade, config, "base")
    await asyncio.to_thread(command.upgrade, config, "head")
    await asyncio.to_thread(command.check, config)


async def test_keys_made_before_are_known_to_those_whose_hands_they_came_through(
    database_url: str,
) -> None:
    database = Database(database_url, pool_size=1)
    ada, bea, cem = (
        Admin(id=new_id(), name=name, email=f"{name}@example.com", role="mrao")
        for name in ("ada", "bea", "cem")
    )
    # The first came from the command line; each of the others was made with the one before.
    keys = [
        ApiKey(id=new_id(), admin_id=owner.id, name="key", prefix="scm_", digest=bytes([number]))
        for number, owner in enumerate((ada, ada, bea, bea, cem))
    ]
    async with database.transaction() as session:
        session.add_all([ada, bea, cem])
        await session.flush()
        session.add_all(keys)
        for key, maker in zip(keys, [None, *keys], strict=False):
            event = AuditEvent(action="api_key.created", subject_kind="api_key", subject_id=key.id)
            event.principal_id = maker.admin_id if maker else None
            event.api_key_id = maker.id if maker else None
            session.add(event)
    config = _config(database_url)
    await asyncio.to_thread(command.downgrade, config, "0026")
    await asyncio.to_thread(command.upgrade, config, "head")
    async with database.transaction() as session:
        rows = await session.execute(select(ApiKey.id, ApiKey.known_to))
        known_to = {row.id: set(row.known_to) for row in rows}
    expected = [set(), set(), {ada.id}, {ada.id}, {ada.id, bea.id}]
    assert [known_to[key.id] for key in keys] == expected
    await database.aclose()
