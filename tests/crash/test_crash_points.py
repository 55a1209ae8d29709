"""F01, F02, F03 and F17: a worker dies or freezes around a call to the CA, another takes over.

A point's first pass is the order, its second the collection of the certificate.
"""

import asyncio
import signal
from uuid import UUID

import pytest
from processes import ServiceProcess
from stage import LEASE, Stage

from scm_api.worker.clock import EXIT_PAUSED

# Where a worker stops, and what its enrollment is until somebody takes over.
AROUND_SENDING = [
    ("before_send:1", "submitting"),
    ("after_send:1", "submitting"),
    ("after_reply:1", "submitting"),
]
AROUND_COMMIT = [("before_commit:1", "submitting"), ("after_commit:1", "pending_ca")]
WHILE_COLLECTING = [
    ("before_send:2", "pending_ca"),
    ("after_reply:2", "pending_ca"),
    ("before_commit:2", "pending_ca"),
    ("after_commit:2", "issued"),
]


async def killed_at(stage: Stage, point: str) -> UUID:
    """One enrollment, and a worker that took it and died at the point."""
    dying = _worker(stage, point, "kill")
    enrollment_id = await stage.client.enroll()
    assert await dying.ended() == -signal.SIGKILL
    return enrollment_id


def _worker(stage: Stage, point: str, how: str) -> ServiceProcess:
    if point.startswith("after_send"):
        stage.simulator.fault("IssueCertificate", "delay", seconds=0.6, when="after")
    return stage.worker(point, "kill" if how == "kill" else "stop")


async def taken_over(stage: Stage, enrollment_id: UUID) -> None:
    """A second worker brings it to its end, with one order at the CA."""
    stage.worker()
    await stage.at_rest()
    assert (await stage.row(enrollment_id)).state == "issued"
    assert stage.orders(enrollment_id) == 1
    assert len(await stage.attempts(enrollment_id)) == 1


async def test_f01_killed_before_the_order_is_sent(stage: Stage) -> None:
    enrollment_id = await killed_at(stage, "before_send:1")
    assert stage.orders(enrollment_id) == 0
    await taken_over(stage, enrollment_id)
    await stage.story_holds()


@pytest.mark.parametrize("point", ["after_send:1", "after_reply:1"])
async def test_f02_killed_after_the_ca_has_the_order(stage: Stage, point: str) -> None:
    enrollment_id = await killed_at(stage, point)
    await stage.ordered(enrollment_id)
    (attempt,) = await stage.attempts(enrollment_id)
    assert attempt.ca_ref is None
    await taken_over(stage, enrollment_id)
    (recovered,) = await stage.attempts(enrollment_id)
    assert recovered.token == attempt.token
    await stage.story_holds()


@pytest.mark.parametrize(("point", "state"), AROUND_COMMIT)
async def test_f03_the_answer_and_its_audit_event_are_recorded_together(
    stage: Stage, point: str, state: str
) -> None:
    enrollment_id = await killed_at(stage, point)
    assert (await stage.row(enrollment_id)).state == state
    (attempt,) = await stage.attempts(enrollment_id)
    assert (attempt.ca_ref is not None) == (state == "pending_ca")
    await stage.story_holds()
    await taken_over(stage, enrollment_id)
    await stage.story_holds()


@pytest.mark.parametrize(("point", "state"), WHILE_COLLECTING)
async def test_f03_the_certificate_and_its_audit_event_are_recorded_together(
    stage: Stage, point: str, state: str
) -> None:
    enrollment_id = await killed_at(stage, point)
    assert (await stage.row(enrollment_id)).state == state
    assert (await stage.certificate_of(enrollment_id) is not None) == (state == "issued")
    await stage.story_holds()
    await taken_over(stage, enrollment_id)
    await stage.story_holds()


@pytest.mark.parametrize(("point", "state"), AROUND_SENDING + AROUND_COMMIT + WHILE_COLLECTING)
async def test_f17_a_frozen_worker_wakes_after_another_has_finished(
    stage: Stage, point: str, state: str
) -> None:
    freezing = _worker(stage, point, "stop")
    enrollment_id = await stage.client.enroll()
    await freezing.frozen()
    past_the_lease = asyncio.create_task(asyncio.sleep(1.2 * LEASE))
    assert (await stage.row(enrollment_id)).state == state
    await taken_over(stage, enrollment_id)
    await past_the_lease

    freezing.send(signal.SIGCONT)
    assert await freezing.ended() == EXIT_PAUSED
    assert stage.orders(enrollment_id) == 1
    await stage.story_holds()
