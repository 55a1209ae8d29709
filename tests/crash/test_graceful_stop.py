"""F32: SIGTERM under load ends what is under way, begins nothing new, and leaves with 0."""

import signal

from sqlalchemy import select
from stage import Stage

from processes import until
from scm_api.db.models import Enrollment, EnrollmentAttempt

AT_A_TIME = 4
LOAD = 24


async def test_f32_a_worker_is_told_to_stop_under_load(stage: Stage) -> None:
    stage.simulator.behave(latency={"ms": 300})
    stopping = stage.worker(worker_concurrency=AT_A_TIME, lease_seconds=8, write_deadline_seconds=5)
    await stage.client.enroll_many(LOAD)
    await until(lambda: len(stage.simulator.ledger("order")) >= AT_A_TIME, "the CA orders")
    begun = _orders_begun(stage)
    stopping.send(signal.SIGTERM)
    assert await stopping.ended() == 0

    assert _orders_begun(stage) - begun <= 2 * AT_A_TIME
    assert await _recorded(stage) == {entry["token"] for entry in stage.simulator.ledger("order")}
    async with stage.database.transaction() as session:
        rows = list(await session.scalars(select(Enrollment)))
    assert not [row.id for row in rows if row.lease_until is not None]
    assert [row.id for row in rows if row.state == "approved"]
    await stage.story_holds()

    stage.simulator.behave(latency={"ms": 0})
    stage.worker()
    await stage.at_rest()
    assert len(stage.simulator.ledger("order")) == LOAD
    await stage.story_holds()


def _orders_begun(stage: Stage) -> int:
    return len(stage.simulator.calls("IssueCertificate"))


async def _recorded(stage: Stage) -> set[str]:
    """Tokens of the orders whose answer is recorded."""
    query = select(EnrollmentAttempt.token).where(EnrollmentAttempt.ca_ref.is_not(None))
    async with stage.database.transaction() as session:
        return set(await session.scalars(query))
