"""Failing the failing: the history check must catch a worker that orders again blindly."""

import signal

from stage import Stage

ONE_ORDER = "I1 one order and one certificate per enrollment"


async def caught(stage: Stage) -> None:
    """The check accuses the worker of just this, for every enrollment it was given."""
    violated = {v.invariant: v.violations for v in await stage.verdicts() if v.violations}
    assert len(violated.pop(ONE_ORDER)) == len(stage.client.log.keys)
    assert set(violated) <= {"I2 every certificate of the CA is known"}


async def test_the_history_check_catches_an_order_repeated_after_a_crash(stage: Stage) -> None:
    dying = stage.naive_worker("after_reply:1")
    enrollment_id = await stage.client.enroll()
    assert await dying.crashed() == -signal.SIGKILL
    stage.naive_worker()
    await stage.at_rest()
    assert (await stage.row(enrollment_id)).state == "issued"
    assert stage.orders(enrollment_id) == 2
    await caught(stage)


async def test_the_history_check_catches_an_order_repeated_after_a_lost_answer(
    stage: Stage,
) -> None:
    for lost in ("close", "reset", "hang"):
        stage.simulator.fault("IssueCertificate", lost, when="after")
    await stage.client.enroll_many(3)
    stage.naive_worker()
    await stage.at_rest()
    await caught(stage)
