"""F36: orders that wait for a month at the CA, across restarts of everything."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Interval, func, literal, update

from digicert_estate import CertCentral, digicert_chain
from entrust_estate import Entrust, entrust_chain
from estate import Estate
from loop_thread import LoopThread
from made_states import made_state
from scm_api.db.base import new_id
from scm_api.db.jobs import Job, enqueue
from scm_api.db.models import Enrollment, EnrollmentAttempt
from scm_api.db.session import Database
from scm_api.sandbox import digicert, entrust
from scm_api.settings import Settings
from scm_api.worker.process import working
from settlement import Enrolling

A_MONTH = timedelta(days=31)
CA = CertCentral | Entrust


@pytest.fixture(params=["digicert", "entrust"])
def ca(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[CA]:
    with LoopThread() as loop:
        server: Any
        state = made_state(request.param, tmp_path / "ca")
        if request.param == "digicert":
            server = loop.run(digicert.serve(digicert.Settings(state)))
            yield CertCentral(server.url)
        else:
            server = loop.run(entrust.serve(entrust.Settings(state)))
            yield Entrust(server)
        loop.run(server.aclose())


@asynccontextmanager
async def a_worker(settings: Settings) -> AsyncIterator[None]:
    async with working(settings) as queue:
        running = asyncio.create_task(queue.run())
        yield
        queue.stop()
        await running


async def a_month_passes(
    database: Database, ca: CA, enrollment_id: UUID, *, months_left: int
) -> None:
    """The last look was a month ago, the CA's clock goes on, and the next look is due."""
    past = literal(A_MONTH, Interval)
    async with database.transaction() as session:
        await session.execute(
            update(Enrollment).where(Enrollment.id == enrollment_id).values(due_at=func.now())
        )
        await session.execute(
            update(EnrollmentAttempt)
            .where(EnrollmentAttempt.enrollment_id == enrollment_id)
            .values(seen_pending_at=EnrollmentAttempt.seen_pending_at - past)
        )
        await enqueue(session, Job.ADVANCE_ENROLLMENT, enrollment_id, new_id())
    ca.behave(clock_offset_seconds=-months_left * A_MONTH.total_seconds())


def prove(ca: CA, *, proven: bool) -> None:
    if isinstance(ca, CertCentral):
        (ca.prove if proven else ca.unprove)("example.com")
    else:
        ca.domain("example.com", "APPROVED" if proven else "INITIAL_VERIFICATION")


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(200):
        if await holds():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("waited in vain")


async def test_f36_a_month_and_restarts_change_nothing(
    estate: Estate, ca: CA, database: Database, settings: Settings
) -> None:
    prove(ca, proven=False)
    ca.behave(clock_offset_seconds=-2 * A_MONTH.total_seconds())  # the CA lives two months ago
    if isinstance(ca, CertCentral):
        chain = await digicert_chain(estate, ca)
    else:
        chain = await entrust_chain(estate, ca)
    enrolling = Enrolling(estate.api, chain)
    async with a_worker(settings):
        made = await enrolling.enroll("www.example.com")
        path = f"/enrollments/{made['id']}"
        await enrolling.until(path, "state", "pending_ca")
    await a_month_passes(database, ca, UUID(made["id"]), months_left=1)
    before = await estate.api.get(path)
    async with a_worker(settings):

        async def looked_at() -> bool:
            shown = await estate.api.get(path)
            return bool(shown["next_step_at"] > before["next_step_at"])

        await eventually(looked_at)
        waiting = await estate.api.get(path)
        assert waiting["state"] == "pending_ca"
        assert waiting["ca_ref"]
        assert "example.com" in waiting["waits_for"]
        assert waiting["reason_code"] is None
    await a_month_passes(database, ca, UUID(made["id"]), months_left=0)
    prove(ca, proven=True)
    async with a_worker(settings):
        await enrolling.until(path, "state", "issued")
    assert len(ca.ledger("order")) == 1
