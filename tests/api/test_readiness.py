"""Ready is who can serve: on this version's schema, and where changes are taken."""

import pytest
from sqlalchemy import text

from api_client import Api, code_of
from scm_api.db.schema import revisions
from scm_api.db.session import Database


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (f"UPDATE alembic_version SET version_num = '{revisions()[-2]}'", 503),
        ("DELETE FROM alembic_version", 503),
        ("DROP TABLE alembic_version", 503),
        # Who migrates before the processes of the new version start must not stop the old ones.
        ("UPDATE alembic_version SET version_num = '9999'", 200),
    ],
)
async def test_an_older_schema_is_not_ready(
    change: str, status: int, api: Api, database: Database
) -> None:
    await api.send("GET", "/health/ready", 200)
    async with database.transaction() as session:
        await session.execute(text(change))
    answer = await api.send("GET", "/health/ready", status)
    assert status == 200 or "run `scm-api migrate`" in answer.json()["detail"]


async def test_f23_a_replica_is_away(api: Api, database: Database) -> None:
    async with database.transaction() as session:
        name = await session.scalar(text("SELECT current_database()"))
        await session.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    await api.send("GET", "/health/ready", 503)  # on the first connection of the API
    answer = await api.send("POST", "/connectors", 503, json={"name": "one"})
    assert code_of(answer.json()) == "database-unavailable"
