"""Migrations and models say the same, and every step can be taken back."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config

from databases import Databases

ROOT = Path(__file__).parents[1]


def _config(url: str) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


async def test_migrations_equal_the_models(database_url: str) -> None:
    await asyncio.to_thread(command.check, _config(database_url))


async def test_every_migration_can_be_taken_back(databases: Databases, database_url: str) -> None:
    config = _config(database_url)
    await asyncio.to_thread(command.downgrade, config, "base")
    await asyncio.to_thread(command.upgrade, config, "head")
    await asyncio.to_thread(command.check, config)
