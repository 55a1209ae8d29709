"""F26: who wakes what waits for a CA never waits for a worker that waits for them."""

import asyncio
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from test_changes import Stage, stage

from scm_api.core.vocabulary import BackendStatus
from scm_api.db.models import CaBackend, Enrollment
from scm_api.drivers.errors import BackendUnavailable
from scm_api.gateway.health import record_health
from scm_api.worker import outcomes
from scm_api.worker.changes import Changes

__all__ = ["stage"]
_AWAY = BackendUnavailable("Nobody listens.")


async def test_f26_a_step_that_failed_and_the_check_that_ends_the_wait(stage: Stage) -> None:
    claim = await stage.claimed()
    changes = Changes(claim)
    outcomes.unavailable(changes, _AWAY, nothing_sent=True)
    await changes.commit(stage.database)
    backend_id = claim.connection.ca_backend_id

    async def check() -> None:
        async with stage.database.transaction() as session:
            version = claim.connection.version
            status = BackendStatus.AVAILABLE
            await record_health(session, backend_id, status, "It answers.", local_version=version)

    async def step() -> None:
        failed = Changes(again)
        outcomes.unavailable(failed, _AWAY, nothing_sent=True)
        await failed.commit(stage.database)

    async with stage.database.transaction() as session:
        await session.execute(
            select(CaBackend.id).where(CaBackend.id == backend_id).with_for_update(key_share=True)
        )
        checking = asyncio.create_task(check())
        await stage.blocked(1)
        await _due_now(stage, claim.id)
        again = await stage.claim_of(claim.id)
        again.lease = timedelta(0)  # it is not written again
        stepping = asyncio.create_task(step())
        await stage.blocked(2)
    await asyncio.gather(checking, stepping)


async def _due_now(stage: Stage, enrollment_id: UUID) -> None:
    one = update(Enrollment).where(Enrollment.id == enrollment_id)
    async with stage.database.transaction() as session:
        await session.execute(one.values(due_at=func.clock_timestamp()))
