"""Small truths about statements that types alone do not tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import CursorResult, Insert, Select, TableClause, Update, bindparam, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

AnySelect = Select[*tuple[Any, ...]]


async def changed_rows(session: AsyncSession, statement: Update) -> int:
    """Run an UPDATE and tell how many rows it changed: a condition that was not met shows as 0."""
    done = await session.execute(statement)
    if not isinstance(done, CursorResult):
        raise TypeError("an UPDATE without RETURNING gives a CursorResult")
    return done.rowcount


@dataclass(frozen=True, slots=True)
class NewRow:
    """One row to be inserted: every column for which the database itself has no default."""

    table: TableClause
    values: Mapping[str, Any]


async def insert_together(session: AsyncSession | AsyncConnection, *rows: NewRow) -> None:
    """Insert rows of different tables in one statement, which is one round trip.

    They must not refer to each other: PostgreSQL inserts them in no certain order.
    """
    shape = tuple((row.table, tuple(row.values)) for row in rows)
    parameters = {
        _parameter(row.table, column): value for row in rows for column, value in row.values.items()
    }
    await session.execute(_inserting(shape), parameters)


@cache
def _inserting(shape: tuple[tuple[TableClause, tuple[str, ...]], ...]) -> Insert:
    first, *others = (
        insert(table).values({name: bindparam(_parameter(table, name)) for name in columns})
        for table, columns in shape
    )
    return first.add_cte(*(other.cte() for other in others))


def _parameter(table: TableClause, column: str) -> str:
    return f"{table.name}_{column}"
