"""What asyncpg asks of PostgreSQL's catalogue, asked once in a process.

Of PostgreSQL's own types asyncpg knows few arrays. The others, `uuid[]` for one, it looks up on
every new connection by a question that costs the server 10 ms, most of them to plan it.
"""

from collections.abc import Collection
from typing import Any, Final, NamedTuple

import asyncpg

# Numbers below are written into PostgreSQL's sources and the same in every database (manual,
# "System Catalog Declarations and Initial Contents", OID Assignment).
_ASSIGNED_LATER: Final = 10_000

_answers: Final[dict[frozenset[int], list[asyncpg.Record]]] = {}


class _NotAsked(NamedTuple):
    """In place of the statement that asks: asyncpg looks whether it took the unnamed one's place,
    which has no name."""

    name: str = "not asked"


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg's has no types
    """asyncpg's, which asks nothing about PostgreSQL's own types that was answered before."""

    async def _introspect_types(
        self, typeoids: Collection[int], seconds: float | None
    ) -> tuple[list[asyncpg.Record], Any]:
        asked = frozenset(typeoids)
        if asked in _answers:
            return _answers[asked], _NotAsked()
        answer: list[asyncpg.Record]
        answer, statement = await super()._introspect_types(typeoids, seconds)
        if all(number < _ASSIGNED_LATER for number in asked):
            _answers[asked] = answer
        return answer, statement
