"""Statements that are put together once, and how many rows one changed."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import asyncpg
import orjson
from sqlalchemy import (
    CursorResult,
    Select,
    TextClause,
    Update,
    UpdateBase,
)
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import greenlet_spawn

AnySelect = Select[*tuple[Any, ...]]
_Processor = Callable[[Any], Any]
_DIALECT = dialect(  # type: ignore[no-untyped-call]  # SQLAlchemy's own lacks types
    json_serializer=lambda value: orjson.dumps(value).decode()
)


class Statement:
    """One of the busiest: put together once, and given to asyncpg itself where there is no
    transaction to take part in. SQLAlchemy would take four times the CPU.
    """

    def __init__(self, statement: AnySelect | UpdateBase | TextClause) -> None:
        """`statement` has a `bindparam` for every value that is not always the same."""
        self._statement = statement

    async def fetch(
        self, session: "AsyncSession | Single", values: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        """Run it with these values, in the session's transaction or in its own; returns its
        rows."""
        if isinstance(session, AsyncSession):
            found = await session.execute(self._statement, values)
            nothing = isinstance(found, CursorResult) and not found.returns_rows
            return [] if nothing else [row._asdict() for row in found]
        text, parameters, processors = self._compiled
        arguments = [values.get(name, fixed) for name, fixed in parameters]
        for position, process in processors:
            arguments[position] = process(arguments[position])
        return await session.fetch(text, arguments)

    @cached_property
    def _compiled(self) -> tuple[str, list[tuple[str, Any]], list[tuple[int, _Processor]]]:
        """What asyncpg is given: the text, of each parameter the name and what it is when no value
        is given, and what makes the values fit at those positions where they do not yet."""
        # Lists of values to be IN are written out, as executing would.
        compiled = self._statement.compile(
            dialect=_DIALECT, compile_kwargs={"render_postcompile": True}
        )
        names = compiled.positiontup or ()
        processors = [
            (position, processor)
            for position, name in enumerate(names)
            if name in compiled.binds  # the values of a list are as they are
            and (processor := _processor(compiled.binds[name].type)) is not None
        ]
        return str(compiled), [(name, compiled.params[name]) for name in names], processors


class Single:
    """A connection on which every statement is a transaction of its own."""

    def __init__(self, pooled: PoolProxiedConnection) -> None:
        self._pooled = pooled

    async def fetch(self, text: str, arguments: Sequence[Any]) -> Sequence[Mapping[str, Any]]:
        """Have asyncpg run it; what `Statement.fetch` is for."""
        driver: Any = self._pooled.driver_connection
        try:
            rows: Sequence[Mapping[str, Any]] = await driver.fetch(text, *arguments)
        except asyncpg.IntegrityConstraintViolationError:
            raise
        except BaseException:
            # The pool did not see what became of the connection.
            await greenlet_spawn(self._pooled.invalidate)
            raise
        return rows


def _processor(kind: TypeEngine[Any]) -> _Processor | None:
    return kind.dialect_impl(_DIALECT).bind_processor(_DIALECT)


async def changed_rows(session: AsyncSession, statement: Update) -> int:
    """Run an UPDATE and tell how many rows it changed: a condition that was not met shows as 0."""
    done = await session.execute(statement)
    if not isinstance(done, CursorResult):
        raise TypeError("an UPDATE without RETURNING gives a CursorResult")
    return done.rowcount
