"""The rights that docs/deploy.md has the owner of the tables grant: enough, and none to rewrite."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from approvals import at_work
from sqlalchemy import text
from sqlalchemy.engine import make_url

from api_client import Api, Contract
from estate import Chain
from running import StartApi
from scm_api.audit.verifying import verify
from scm_api.db.session import Database
from scm_api.drivers.pool import DriverPool
from scm_api.gateway.connections import Gateway
from scm_api.secret_keys import load_key_ring
from scm_api.settings import Settings
from scm_api.worker.upkeep import Upkeep
from settlement import Enrolling

_PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"
_GRANTED = text("""
    SELECT table_name, string_agg(privilege_type, ' ' ORDER BY privilege_type) AS granted
      FROM information_schema.table_privileges
     WHERE grantee = current_user GROUP BY table_name
""")


@pytest.fixture
async def as_service(settings: Settings, database: Database) -> AsyncIterator[Settings]:
    """Settings by which everything is done as a role with the rights of the page."""
    [block] = re.findall(r"```sql\nBEGIN;\n(.*?)COMMIT;\n```", _PAGE.read_text(), re.DOTALL)
    url = make_url(settings.database_url or "")
    role = f"service_of_{url.database}"
    async with database.transaction() as session:
        await session.execute(text(f"CREATE ROLE {role} LOGIN"))
        for statement in block.replace("scm_service", role).split(";")[:-1]:
            await session.execute(text(statement))
    own = url.set(username=role).render_as_string(hide_password=False)
    yield settings.model_copy(update={"database_url": own})
    async with database.transaction() as session:
        await session.execute(text(f"DROP OWNED BY {role}"))
        await session.execute(text(f"DROP ROLE {role}"))


async def test_t63_the_service_may_add_to_the_audit_and_read_it_only(as_service: Settings) -> None:
    database = Database(as_service.database_url or "", pool_size=1)
    async with database.transaction() as session:
        rows = await session.execute(_GRANTED)
        granted = {row.table_name: row.granted for row in rows}
    await database.aclose()
    narrowed = {name: granted.pop(name) for name in ("audit_events", "audit_seals")}
    assert set(narrowed.values()) == {"INSERT SELECT"}
    assert granted.pop("alembic_version") == "SELECT"
    assert set(granted.values()) == {"DELETE INSERT SELECT UPDATE"}


async def test_t63_the_rights_of_the_page_are_enough(
    as_service: Settings, start_api: StartApi, contract: Contract, api: Api, chain: Chain
) -> None:
    async with start_api(as_service) as app, at_work(as_service):
        enrolling = Enrolling(Api(app, contract, api.key), chain)
        certificate = await enrolling.issued("www.example.com")
        path = f"/certificates/{certificate['id']}"
        await enrolling.api.post(f"{path}/revoke", {"reason": "superseded"}, 202)
        await enrolling.until(path, "revocation.state", "done")
    database, ring, pool = (
        Database(as_service.database_url or ""),
        load_key_ring(as_service),
        DriverPool(),
    )
    upkeep = Upkeep(database, Gateway(database, ring, pool), ring, timedelta(0))
    for work in (
        upkeep.forget_old_keys,
        upkeep.forget_job_log,
        upkeep.requeue_lost,
        upkeep.seal_audit,
    ):
        await work()
    verified = await verify(database, ring)
    assert (verified.broken, verified.unsealed) == (None, 0)
    await pool.aclose()
    await database.aclose()
