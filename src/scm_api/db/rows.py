"""Rows that are written together in one statement, and values only PostgreSQL knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import ARRAY, ColumnElement, Interval, TableClause, bindparam, func, insert
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.db.statements import Single, Statement


@dataclass(frozen=True, slots=True)
class Later:
    """So long after the transaction began, or after what another clock of PostgreSQL shows."""

    wait: timedelta
    clock: str = "now"


NOW: Final = Later(timedelta(0))
"""When the transaction began."""

AT_LAST: Final = Later(timedelta(0), "clock_timestamp")
"""When the statement runs."""


@dataclass(frozen=True, slots=True)
class Each:
    """One row for each of these values; several of them in one `NewRow` are equally many."""

    values: Sequence[Any]


_MADE_THERE: Final = frozenset({Later, Each})


@dataclass(frozen=True, slots=True)
class NewRow:
    """What is to be inserted: every column for which the database itself has no default.

    A value may be a `Later` or, where it is inserted under a condition, an `Each`.
    """

    table: TableClause
    values: Mapping[str, Any]


Shape = tuple[tuple[str, str], ...]
"""Columns, each with what becomes of its parameter: all that a statement's text depends on."""


def shape_of(values: Mapping[str, Any]) -> Shape:
    """The columns to be written, and how."""
    return tuple(
        [
            (column, _use_of(value) if type(value) in _MADE_THERE else "")
            for column, value in values.items()
        ]
    )


def _use_of(value: Later | Each) -> str:
    return value.clock if isinstance(value, Later) else "unnest"


def expressions(table: TableClause, shape: Shape, prefix: str) -> dict[str, ColumnElement[Any]]:
    """What the columns are set to, with the parameters of `parameters` under the same prefix."""
    return {column: _expression(table, column, use, f"{prefix}{column}") for column, use in shape}


def _expression(table: TableClause, column: str, use: str, name: str) -> ColumnElement[Any]:
    kind = table.c[column].type
    if use == "unnest":
        return func.unnest(bindparam(name, type_=ARRAY(kind)))
    if use:
        begin: ColumnElement[Any] = getattr(func, use)()
        return begin + bindparam(name, type_=Interval)
    return bindparam(name, type_=kind)


def parameters(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The values under the names that `expressions` gives them."""
    return {
        f"{prefix}{column}": _parameter(value) if type(value) in _MADE_THERE else value
        for column, value in values.items()
    }


def _parameter(value: Later | Each) -> Any:
    return value.wait if isinstance(value, Later) else value.values


async def insert_together(session: AsyncSession | Single, *rows: NewRow) -> None:
    """Insert rows of different tables in one statement, which is one round trip.

    They must not refer to each other: PostgreSQL inserts them in no certain order.
    """
    shape = tuple((row.table, shape_of(row.values)) for row in rows)
    told: dict[str, Any] = {}
    for row in rows:
        told |= parameters(row.values, f"{row.table.name}_")
    await _inserting(shape).fetch(session, told)


@cache
def _inserting(shape: tuple[tuple[TableClause, Shape], ...]) -> Statement:
    first, *others = (
        insert(table).values(expressions(table, columns, f"{table.name}_"))
        for table, columns in shape
    )
    return Statement(first.add_cte(*(other.cte() for other in others)))
