"""What one connection learned of PostgreSQL's own types the next one does not ask again."""

from uuid import UUID

import asyncpg
from sqlalchemy.engine import make_url

from scm_api.db.catalogue import Connection

_ASKED = """
    SELECT count(*) FROM pg_prepared_statements
     WHERE statement LIKE 'WITH RECURSIVE typeinfo_tree%'
"""
_NOBODY = UUID(int=0)


async def _asks(url: str, question: str, *arguments: object) -> tuple[object, int]:
    """The value a new connection is told, and how often it asked for types meanwhile."""
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(dsn, connection_class=Connection)
    try:
        return await connection.fetchval(question, *arguments), await connection.fetchval(_ASKED)
    finally:
        await connection.close()


async def test_an_array_of_postgresqls_own_is_asked_about_once(database_url: str) -> None:
    question = "SELECT $1::uuid[] || $2::uuid[]"
    first, _ = await _asks(database_url, question, [_NOBODY], [])
    second, asked = await _asks(database_url, question, [_NOBODY], [_NOBODY])
    assert (first, second, asked) == ([_NOBODY], [_NOBODY, _NOBODY], 0)


async def test_a_type_of_one_database_is_asked_about_by_every_connection(database_url: str) -> None:
    question = "SELECT ARRAY['queued']::pgqueuer_status[]"
    for _ in range(2):
        found, asked = await _asks(database_url, question)
        assert (found, asked) == (["queued"], 1)
