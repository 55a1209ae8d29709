"""F01, F02, F03 and F17: a worker dies or freezes around a call to the CA, another takes over.

A point's first pass is the order, its second the collection of the certificate. Each point comes
with the state in which the enrollment is until somebody takes over.
"""

import asyncio
import signal
from uuid import UUID

import pytest
from stage import LEASE, OpenStage, Stage, side_by_side

from processes import ServiceProcess
from scm_api.worker.clock import EXIT_PAUSED

SENDING = [
    ("before_send:1", "submitting"),
    ("after_send:1", "submitting"),
    ("after_reply:1", "submitting"),
]
RECORDING = [("before_commit:1", "submitting"), ("after_commit:1", "pending_ca")]
COLLECTING = [
    ("before_send:2", "pending_ca"),
    ("after_reply:2", "pending_ca"),
    ("before_commit:2", "pending_ca"),
    ("after_commit:2", "issued"),
]


def worker_for(stage: Stage, point: str, how: str) -> ServiceProcess:
    """A worker that stops at the point; a CA that is slow where the point needs it."""
    if point.startswith("after_send"):
        stage.simulator.fault("IssueCertificate", "delay", seconds=0.6, when="after")
    return stage.worker(point, "kill" if how == "kill" else "stop")


async def killed_at(stage: Stage, point: str, state: str) -> UUID:
    """An enrollment in this state, whose worker died at the point."""
    dying = worker_for(stage, point, "kill")
    enrollment_id = await stage.client.enroll()
    assert await dying.crashed() == -signal.SIGKILL
    assert (await stage.row(enrollment_id)).state == state
    await stage.story_holds()
    return enrollment_id


async def taken_over(stage: Stage, enrollment_id: UUID) -> None:
    """A second worker brings it to its end, with one order at the CA."""
    stage.worker()
    await stage.at_rest()
    assert (await stage.row(enrollment_id)).state == "issued"
    assert stage.orders(enrollment_id) == 1
    assert len(await stage.attempts(enrollment_id)) == 1
    await stage.story_holds()


async def test_f01_killed_before_the_order_is_sent(stage: Stage) -> None:
    enrollment_id = await killed_at(stage, "before_send:1", "submitting")
    assert stage.orders(enrollment_id) == 0
    await taken_over(stage, enrollment_id)


async def test_f02_killed_after_the_order_was_sent(open_stage: OpenStage) -> None:
    async def scene(stage: Stage, point: str, state: str) -> None:
        enrollment_id = await killed_at(stage, point, state)
        (attempt,) = await stage.attempts(enrollment_id)
        assert attempt.ca_ref is None
        if point.startswith("after_reply"):
            assert stage.orders(enrollment_id) == 1
        await taken_over(stage, enrollment_id)
        (recovered,) = await stage.attempts(enrollment_id)
        assert recovered.token == attempt.token

    await side_by_side(open_stage, scene, SENDING[1:])


async def test_f03_the_answer_and_its_audit_event_are_recorded_together(
    open_stage: OpenStage,
) -> None:
    async def scene(stage: Stage, point: str, state: str) -> None:
        enrollment_id = await killed_at(stage, point, state)
        (attempt,) = await stage.attempts(enrollment_id)
        assert (attempt.ca_ref is not None) == (state == "pending_ca")
        await taken_over(stage, enrollment_id)

    await side_by_side(open_stage, scene, RECORDING)


async def test_f03_the_certificate_and_its_audit_event_are_recorded_together(
    open_stage: OpenStage,
) -> None:
    async def scene(stage: Stage, point: str, state: str) -> None:
        enrollment_id = await killed_at(stage, point, state)
        assert (await stage.certificate_of(enrollment_id) is not None) == (state == "issued")
        await taken_over(stage, enrollment_id)

    await side_by_side(open_stage, scene, COLLECTING)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(SENDING, id="sending"),
        pytest.param(RECORDING, id="recording"),
        pytest.param(COLLECTING, id="collecting"),
    ],
)
async def test_f17_a_frozen_worker_wakes_after_another_has_finished(
    open_stage: OpenStage, points: list[tuple[str, str]]
) -> None:
    async def scene(stage: Stage, point: str, state: str) -> None:
        freezing = worker_for(stage, point, "stop")
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

    await side_by_side(open_stage, scene, points)
