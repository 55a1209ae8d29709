"""F01, F02, F03 and F17 at Google: the CA itself recognises a repeat, by two ids.

Every crash point, by SIGKILL and by SIGSTOP. The certificate is the answer to the order, so each
point is passed once. Pools of the DevOps tier know the request id alone.
"""

import asyncio
import signal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from stage import Stage, side_by_side
from venues import Kind, OpenAt

from gcp_service import FAST, WEB, gcp_chain, running_cas
from scm_api.worker.clock import EXIT_PAUSED

POINTS = [
    ("before_send:1", "submitting"),
    ("after_send:1", "submitting"),
    ("after_reply:1", "submitting"),
    ("before_commit:1", "submitting"),
    ("after_commit:1", "issued"),
]
_LEASE = 6.0  # the first call connects and looks at the pool, on a machine that may be busy
AT = {pool: Kind(running_cas, partial(gcp_chain, pool=pool)) for pool in (WEB, FAST)}


def certificates(stage: Stage) -> list[dict[str, Any]]:
    return stage.simulator.ledger("certificate")


def slow_where_needed(stage: Stage, point: str) -> None:
    if point.startswith("after_send"):
        stage.simulator.fault("CreateCertificate", "delay", seconds=0.8, when="after")


async def ends_well(stage: Stage, enrollment_id: UUID) -> None:
    """A second worker brings it to its end, with one certificate at the CA."""
    stage.worker()
    await stage.at_rest()
    assert (await stage.row(enrollment_id)).state == "issued"
    assert len(certificates(stage)) == 1
    assert len(await stage.attempts(enrollment_id)) == 1


@pytest.mark.parametrize("pool", [WEB, FAST])
async def test_f02_killed_around_the_order(open_at: OpenAt, pool: str) -> None:
    async def scene(stage: Stage, point: str, state: str) -> None:
        slow_where_needed(stage, point)
        dying = stage.worker(point, "kill")
        enrollment_id = await stage.client.enroll()
        assert await dying.crashed() == -signal.SIGKILL
        assert (await stage.row(enrollment_id)).state == state
        if point == "after_reply:1":
            assert len(certificates(stage)) == 1
        await ends_well(stage, enrollment_id)

    await side_by_side(open_at(AT[pool]), scene, POINTS)


async def test_f17_frozen_around_the_order_and_woken_again(open_at: OpenAt) -> None:
    async def scene(stage: Stage, point: str, state: str) -> None:
        slow_where_needed(stage, point)
        freezing = stage.worker(point, "stop", lease_seconds=_LEASE)
        enrollment_id = await stage.client.enroll()
        await freezing.frozen()
        past_the_lease = asyncio.create_task(asyncio.sleep(1.2 * _LEASE))
        assert (await stage.row(enrollment_id)).state == state
        await ends_well(stage, enrollment_id)
        await past_the_lease
        freezing.send(signal.SIGCONT)
        assert await freezing.ended() == EXIT_PAUSED
        assert len(certificates(stage)) == 1

    await side_by_side(open_at(AT[WEB]), scene, POINTS)


async def test_f04_dropped_answers_are_found_by_repeating(open_at: OpenAt) -> None:
    faults: list[dict[str, Any]] = [
        {"action": "close", "when": "after"},
        {"action": "hang", "when": "after"},
        {"action": "error", "code": "INTERNAL", "when": "after"},
        {"action": "error", "code": "DEADLINE_EXCEEDED", "when": "after"},
        {"action": "close", "when": "before"},
    ]
    async with open_at(AT[WEB])() as stage:
        for fault in faults:
            stage.simulator.fault("CreateCertificate", **fault)
        made = await stage.client.enroll_many(len(faults))
        stage.worker()
        await stage.at_rest()
        for enrollment_id in made:
            assert (await stage.row(enrollment_id)).state == "issued"
        assert len(certificates(stage)) == len(faults)


async def test_f04_after_the_hour_it_is_for_a_person(open_at: OpenAt) -> None:
    """The answer was lost, and nobody came back while Google surely knew the request id."""
    async with open_at(AT[FAST])() as stage:
        stage.simulator.fault("CreateCertificate", "close", when="after", count=None)
        dying = stage.worker("after_reply:1")
        enrollment_id = await stage.client.enroll()
        await stage.waits_for(enrollment_id, "outcome-unknown")
        dying.send(signal.SIGKILL)
        await dying.ended()
        await stage.execute(
            "UPDATE enrollment_attempts SET first_sent_at = first_sent_at - interval '1 hour'"
        )
        stage.worker()
        await stage.at_rest()
        row = await stage.row(enrollment_id)
        assert (row.state, row.reason_code) == ("parked", "outcome-unknown")
        assert len(certificates(stage)) == 1
