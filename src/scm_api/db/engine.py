"""SQLAlchemy's engine, which reads the database's URL as asyncpg does.

SQLAlchemy's own reading knows no `sslmode`, and what it takes instead asyncpg refuses.
"""

from functools import partial
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from scm_api.database_url import dsn_of


def engine_for(url: str, connecting: dict[str, Any] | None = None, **options: Any) -> AsyncEngine:
    """The engine for `url`; `connecting` are arguments of asyncpg's `connect`."""
    connect = partial(asyncpg.connect, dsn_of(url), **(connecting or {}))
    return create_async_engine("postgresql+asyncpg://", async_creator=connect, **options)
