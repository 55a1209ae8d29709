"""Small truths about statements that types alone do not tell."""

from typing import Any

from sqlalchemy import CursorResult, Select, Update
from sqlalchemy.ext.asyncio import AsyncSession

AnySelect = Select[*tuple[Any, ...]]


async def changed_rows(session: AsyncSession, statement: Update) -> int:
    """Run an UPDATE and tell how many rows it changed: a condition that was not met shows as 0."""
    done = await session.execute(statement)
    if not isinstance(done, CursorResult):
        raise TypeError("an UPDATE without RETURNING gives a CursorResult")
    return done.rowcount
