"""Alembic's entry: migrates the database of the settings, or the connection it was handed."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.pool import NullPool

from scm_api.db import models
from scm_api.db.engine import engine_for


def _ours(name: str | None, kind: str, parent_names: Any) -> bool:
    """The job engine's tables are its own; everything else must equal the models."""
    del parent_names
    return kind != "table" or not (name or "").startswith("pgqueuer")


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=models.Admin.metadata,
        include_name=_ours,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _connect_and_migrate(url: str) -> None:
    engine = engine_for(url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
        await connection.commit()
    await engine.dispose()


handed_over: Connection | None = context.config.attributes.get("connection")
if handed_over is not None:
    _migrate(handed_over)
else:
    from scm_api.settings import load_settings

    url = context.config.get_main_option("sqlalchemy.url") or load_settings().database_url
    if not url:
        raise SystemExit("Set SCM_DATABASE_URL to the database that is to be migrated.")
    asyncio.run(_connect_and_migrate(str(url)))
