"""How the database is reached: one reading of its URL for pool, migrations, queue and listener.

asyncpg reads it as libpq would, with `sslmode`, `sslrootcert` and several hosts. SQLAlchemy's own
reading knows none of these, and what it takes instead asyncpg refuses.
"""

from functools import partial
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine


def dsn_of(url: str) -> str:
    """The URL of the settings as asyncpg takes it."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


def engine_for(url: str, connecting: dict[str, Any] | None = None, **options: Any) -> AsyncEngine:
    """SQLAlchemy's engine; `connecting` are arguments of asyncpg's `connect`."""
    connect = partial(asyncpg.connect, dsn_of(url), **(connecting or {}))
    return create_async_engine("postgresql+asyncpg://", async_creator=connect, **options)


def place_of(url: str) -> str:
    """Where the database is, for a message: without password and parameters."""
    parts = urlsplit(dsn_of(url))
    user, _, hosts = parts.netloc.rpartition("@")
    return f"postgresql://{user.partition(':')[0]}@{hosts}{parts.path}"
