"""Bring a database to the schema this code expects."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.pool import NullPool

from scm_api.db.engine import engine_for

_ROOT = Path(__file__).parents[3]
_LOCK = 0x5C3A_0001  # advisory lock; any number will do that nobody else in this database takes


class MigrationError(Exception):
    """The migrations are not installed, or the database had some that are not of this version."""


def upgrade(url: str) -> None:
    """Run every migration that is missing; of several processes at once, one does and all wait.

    Must not be called from a running event loop. Raises what the database driver raises, and
    MigrationError.
    """
    if not (_ROOT / "alembic.ini").exists():
        raise MigrationError(f"alembic.ini and migrations/ are missing in {_ROOT}.")
    try:
        asyncio.run(_upgrade_alone(url))
    except CommandError as error:  # alembic's, of a revision that it does not know
        raise MigrationError(
            f"The database is left as it is: {error}. A newer version migrated it; run that one."
        ) from error


async def _upgrade_alone(url: str) -> None:
    config = Config(_ROOT / "alembic.ini")
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    engine = engine_for(url, poolclass=NullPool)
    try:
        async with engine.connect() as guard:
            await guard.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            await guard.commit()  # the lock lasts as long as the connection, not the transaction
            await asyncio.to_thread(command.upgrade, config, "head")
    finally:
        await engine.dispose()
