"""F04, F05, F06: the CA does not answer, is away, is too busy, or breaks in the middle."""

from datetime import datetime, timedelta
from typing import Any

from stage import Stage

LOST: list[dict[str, Any]] = [
    {"action": "close", "when": "after"},
    {"action": "reset", "when": "after"},
    {"action": "hang", "when": "after"},
    {"action": "close", "when": "before"},
    {"action": "reset", "when": "before"},
    {"action": "hang", "when": "before"},
]
BROKEN: list[dict[str, Any]] = [
    {"action": "error", "status": 500, "when": "after"},
    {"action": "error", "status": 500, "when": "before"},
    {"action": "error", "status": 502, "when": "after", "body": "<h1>Bad gateway</h1>"},
    {"action": "error", "status": 503, "when": "before"},
]


async def ordered_through(stage: Stage, faults: list[dict[str, Any]]) -> None:
    """As many enrollments as faults, each of whose first orders meets one of them."""
    for fault in faults:
        stage.simulator.fault("IssueCertificate", **fault)
    enrollments = await stage.client.enroll_many(len(faults))
    stage.worker()
    await stage.at_rest()
    assert stage.struck("IssueCertificate") == len(faults)
    for enrollment_id in enrollments:
        assert (await stage.row(enrollment_id)).state == "issued"
        assert stage.orders(enrollment_id) == 1
        assert len(await stage.attempts(enrollment_id)) == 1
    await stage.story_holds()


async def test_f04_the_answer_is_lost(stage: Stage) -> None:
    await ordered_through(stage, LOST)


async def test_f06_an_error_that_may_hide_an_order(stage: Stage) -> None:
    await ordered_through(stage, BROKEN)


async def test_f05_throttling_slows_every_worker_and_fails_nothing(stage: Stage) -> None:
    """With one failure allowed, a throttled call that counted as one would park its enrollment."""
    patient: dict[str, Any] = {"job_attempts": 1, "lease_seconds": 10, "write_deadline_seconds": 6}
    stage.simulator.fault("IssueCertificate", "throttle", count=2)
    stage.worker(**patient)
    first = await stage.client.enroll()
    await stage.waits_for(first, "ca-unavailable")
    stage.worker(**patient)
    others = await stage.client.enroll_many(6)
    await stage.at_rest()

    for enrollment_id in (first, *others):
        assert (await stage.row(enrollment_id)).state == "issued"
    calls = stage.simulator.calls("IssueCertificate")
    begun = [datetime.fromisoformat(call["time"]) for call in calls]
    throttled = [call.get("error") == "ThrottlingException" for call in calls]
    assert throttled.count(True) == 2
    assert throttled[0]
    assert begun[1] - begun[0] >= timedelta(seconds=2)
    await stage.story_holds()
