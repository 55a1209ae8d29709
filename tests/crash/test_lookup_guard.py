"""F01, F02, F03 and F17 at CAs without a token: what a lost worker ordered is looked up.

The whole matrix for DigiCert and Entrust: every crash point, by SIGKILL and by SIGSTOP. These CAs
issue in the answer to the order, so each point is passed once. Entrust does not list everything, so
what is not found there is never ordered again by itself.
"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from stage import LEASE, OpenStage, Stage, eventually, side_by_side
from venues import Kind, OpenAt

from digicert_estate import CertCentral, digicert_chain
from entrust_estate import Entrust, connection, entrust_chain
from estate import Chain, Estate
from loop_thread import LoopThread
from made_states import made_state
from scm_api.sandbox import digicert, entrust
from scm_api.worker.clock import EXIT_PAUSED

POINTS = [
    ("before_send:1", "submitting"),
    ("after_send:1", "submitting"),
    ("after_reply:1", "submitting"),
    ("before_commit:1", "submitting"),
    ("after_commit:1", "issued"),
]
PAUSE = 1


@contextmanager
def _digicert(directory: Path) -> Iterator[CertCentral]:
    behaviour = digicert.Behaviour(rate_limits=[])
    settings = digicert.Settings(made_state("digicert", directory), behaviour=behaviour)
    with LoopThread() as loop:
        server = loop.run(digicert.serve(settings))
        yield CertCentral(server.url)
        loop.run(server.aclose())


@contextmanager
def _entrust(directory: Path) -> Iterator[Entrust]:
    behaviour = entrust.Behaviour(rate_limits=[])
    settings = entrust.Settings(made_state("entrust", directory), behaviour=behaviour)
    with LoopThread() as loop:
        server = loop.run(entrust.serve(settings))
        yield Entrust(server)
        loop.run(server.aclose())


async def _entrust_chain(estate: Estate, ca: Entrust) -> Chain:
    reaching = connection(ca, answer_seconds=1.0, look_up_seconds=1.0)
    return await entrust_chain(estate, ca, reaching=reaching)


AT = {
    "digicert": Kind(_digicert, digicert_chain),
    "entrust": Kind(_entrust, _entrust_chain),
}


class Guarded:
    """A stage at one of these CAs."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        witness: Any = stage.simulator
        self.ca: CertCentral | Entrust = witness  # its ledger is read here, in its own words

    def order_call(self) -> str:
        return "place_order" if isinstance(self.ca, CertCentral) else "enroll"

    def orders(self, enrollment_id: UUID) -> int:
        """How often the CA took an order with a token of this enrollment."""
        tokens = [
            each.get("alternative_order_id") or each.get("tracking_info")
            for each in self.ca.ledger("order")
        ]
        return sum(str(token).startswith(enrollment_id.hex) for token in tokens)

    async def ends_well(self, enrollment_id: UUID, point: str) -> None:
        """A second worker brings it to its end, with one order at the CA, or leaves to a person
        what Entrust never got."""
        self.stage.worker(longest_pause_seconds=PAUSE)
        await self.stage.at_rest()
        row = await self.stage.row(enrollment_id)
        never_sent = isinstance(self.ca, Entrust) and point.startswith("before_send")
        expected = ("parked", "outcome-unknown") if never_sent else ("issued", None)
        assert (row.state, row.reason_code) == expected
        assert self.orders(enrollment_id) == len(self.ca.ledger("certificate")) == 1 - never_sent
        assert len(await self.stage.attempts(enrollment_id)) == 1


@pytest.fixture(params=["digicert", "entrust"])
def open_stage(request: pytest.FixtureRequest, open_at: OpenAt) -> OpenStage:
    """Opens stages, each with an API, a CA and a database of its own."""
    return open_at(AT[request.param])


def _slow_where_needed(guarded: Guarded, point: str) -> None:
    if point.startswith("after_send"):
        guarded.ca.fault(guarded.order_call(), "delay", seconds=0.6, when="after")


async def test_f02_killed_around_the_order(open_stage: OpenStage) -> None:
    async def scene(stage: Stage, point: str, state: str) -> None:
        guarded = Guarded(stage)
        _slow_where_needed(guarded, point)
        dying = guarded.stage.worker(point, "kill")
        enrollment_id = await guarded.stage.client.enroll()
        assert await dying.crashed() == -signal.SIGKILL
        assert (await guarded.stage.row(enrollment_id)).state == state
        await guarded.ends_well(enrollment_id, point)

    await side_by_side(open_stage, scene, POINTS)


async def test_f17_frozen_around_the_order_and_woken_again(open_stage: OpenStage) -> None:
    async def scene(stage: Stage, point: str, state: str) -> None:
        guarded = Guarded(stage)
        _slow_where_needed(guarded, point)
        freezing = guarded.stage.worker(point, "stop", longest_pause_seconds=PAUSE)
        enrollment_id = await guarded.stage.client.enroll()
        await freezing.frozen()
        past_the_lease = asyncio.create_task(asyncio.sleep(1.2 * LEASE))
        assert (await guarded.stage.row(enrollment_id)).state == state
        await guarded.ends_well(enrollment_id, point)
        orders = guarded.orders(enrollment_id)
        await past_the_lease
        freezing.send(signal.SIGCONT)
        assert await freezing.ended() == EXIT_PAUSED
        assert guarded.orders(enrollment_id) == orders

    await side_by_side(open_stage, scene, POINTS)


async def test_f04_dropped_answers_are_looked_up(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        guarded = Guarded(stage)
        faults: list[dict[str, Any]] = [
            {"action": "reset", "when": "after"},
            {"action": "close", "when": "after"},
            {"action": "hang", "when": "after"},
            {"action": "error", "status": 500, "when": "after"},
            {"action": "html", "status": 502, "when": "after"},
            {"action": "truncate"},
        ]
        for fault in faults:
            guarded.ca.fault(guarded.order_call(), **fault)
        made = await guarded.stage.client.enroll_many(len(faults))
        guarded.stage.worker(longest_pause_seconds=PAUSE)
        await guarded.stage.at_rest()
        for enrollment_id in made:
            assert (await guarded.stage.row(enrollment_id)).state == "issued"
            assert guarded.orders(enrollment_id) == 1


async def test_f02_a_look_up_that_finds_nothing_yet_is_made_again(open_stage: OpenStage) -> None:
    """The CA shows new orders after three seconds; the pause that is waited out is longer."""
    async with open_stage() as stage:
        guarded = Guarded(stage)
        guarded.ca.behave(lookup_delay_seconds=3)
        guarded.ca.fault(guarded.order_call(), "reset", when="after")
        enrollment_id = await guarded.stage.client.enroll()
        guarded.stage.worker(longest_pause_seconds=PAUSE)

        async def untraced() -> bool:
            return any(each.untraced_at for each in await guarded.stage.attempts(enrollment_id))

        await eventually(untraced, "a look-up finds nothing")
        await guarded.stage.at_rest()
        assert (await guarded.stage.row(enrollment_id)).state == "issued"
        assert guarded.orders(enrollment_id) == 1
