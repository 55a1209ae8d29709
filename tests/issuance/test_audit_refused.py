"""T64: where the database takes no audit events, nothing happens that would have none."""

import asyncio

import pytest
from approvals import at_work
from sqlalchemy import text

from api_client import code_of
from estate import Chain, Estate
from scm_api.core.lifecycle import Move
from scm_api.db.session import Database
from scm_api.settings import Settings
from settlement import Enrolling
from simulator import Simulator

_REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM nextval('refused');  -- which no rollback takes back
        RAISE EXCEPTION 'the disk for audit events is full' {using};
    END $$
"""


async def refuse(database: Database, *, when: str = "true", using: str = "") -> None:
    """Have a trigger raise."""
    async with database.transaction() as session:
        for statement in (
            "CREATE SEQUENCE refused",
            _REFUSE.format(using=using),
            "CREATE TRIGGER refuse BEFORE INSERT ON audit_events FOR EACH ROW"
            f" WHEN ({when}) EXECUTE FUNCTION refuse()",
        ):
            await session.execute(text(statement))


async def take(database: Database) -> None:
    """Audit events are taken again."""
    async with database.transaction() as session:
        await session.execute(text("DROP TRIGGER refuse ON audit_events"))


async def refused(database: Database, times: int) -> None:
    """Events were refused so often."""
    async with asyncio.timeout(20):
        while True:
            async with database.transaction() as session:
                if await session.scalar(text("SELECT last_value FROM refused")) >= times:
                    return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("using", ["", "USING ERRCODE = '42501'", "USING ERRCODE = '23514'"])
async def test_t64_requests_are_answered_503_and_change_nothing(
    enrolling: Enrolling, estate: Estate, chain: Chain, database: Database, using: str
) -> None:
    api, path = estate.api, f"/connectors/{chain.connector['id']}"
    before = await api.everything("/audit-events")
    headers = {"Idempotency-Key": "again"}
    body = enrolling.body("www.example.com")
    await refuse(database, using=using)
    answers = [
        await api.send("POST", "/connectors", 503, json={"name": "x"}),
        await api.send("PATCH", path, 503, json={"description": "x"}, headers={"If-Match": "*"}),
        await api.send("POST", "/enrollments", 503, json=body, headers=headers),
    ]
    assert {code_of(answer.json()) for answer in answers} == {"audit-unavailable"}
    assert {"retry-after" in answer.headers for answer in answers} == {True}
    assert await api.get(path) == chain.connector
    assert await api.everything("/enrollments") == []
    await take(database)
    await api.send("POST", "/enrollments", 202, json=body, headers=headers)
    assert len(await api.everything("/audit-events")) == len(before) + 1


async def test_t64_without_a_table_to_write_them_to_it_is_the_same(
    estate: Estate, database: Database
) -> None:
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE audit_events RENAME TO audit_events_of_old"))
    answer = await estate.api.post("/connectors", {"name": "x"}, 503)
    assert code_of(answer) == "audit-unavailable"


@pytest.mark.parametrize(("step", "orders"), [(Move.BEGIN, 0), (Move.ACCEPT, 1)])
async def test_t64_an_order_waits_and_is_placed_once(
    enrolling: Enrolling,
    simulator: Simulator,
    database: Database,
    settings: Settings,
    step: Move,
    orders: int,
) -> None:
    """Before it is sent, and when the CA's answer is in hand; past the lease of a claim, and it is
    no failure of the job."""
    brief = {"lease_seconds": 0.6, "write_deadline_seconds": 0.4, "job_attempts": 1}
    made = await enrolling.enroll("www.example.com")
    await refuse(database, when=f"NEW.action = 'enrollment.{step}'")
    async with at_work(settings.model_copy(update=brief)):
        await refused(database, times=3)  # which is more than fits into a lease
        assert len(simulator.ledger("order")) == orders
        await take(database)
        settled = await enrolling.settled(made["id"])
    assert settled["state"] == "issued"
    assert len(simulator.ledger("order")) == 1
