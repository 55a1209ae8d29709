"""F01, F02, F04 and F17 at a CA without any guard (AD CS): an order whose answer was lost is never
sent again by itself. It is parked, with what a person needs to find it at the CA.

The whole matrix: every crash point, by SIGKILL and by SIGSTOP.
"""

import asyncio
import hashlib
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from stage import OpenStage, Stage, side_by_side
from venues import Kind, OpenAt

from loop_thread import LoopThread
from made_states import made_state
from microsoft_estate import AdCs, microsoft_chain
from scm_api.sandbox import microsoft
from scm_api.sandbox.microsoft.catalogue import CA_NAME
from scm_api.worker.clock import EXIT_PAUSED

PAUSE = 1
# A claim that runs out before anything is sent is parked here, so there is time for it.
LEASE = 10
TIME = {"lease_seconds": LEASE, "write_deadline_seconds": 6}
SUBMIT = "certfnsh.asp"
# Crash point, the state it leaves, and how it ends: nothing was sent before the first, which nobody
# can know afterwards; from the first commit on the request id is known, and is followed.
SENDING = [
    ("before_send:1", "submitting", "parked"),
    ("after_send:1", "submitting", "parked"),
    ("after_reply:1", "submitting", "parked"),
]
RECORDING = [
    ("before_commit:1", "submitting", "parked"),
    ("after_commit:1", "pending_ca", "issued"),
    ("before_send:2", "pending_ca", "issued"),
]
COLLECTING = [
    ("after_reply:2", "pending_ca", "issued"),
    ("before_commit:2", "pending_ca", "issued"),
    ("after_commit:2", "issued", "issued"),
]
at_every_point = pytest.mark.parametrize(
    "points",
    [
        pytest.param(SENDING, id="sending"),
        pytest.param(RECORDING, id="recording"),
        pytest.param(COLLECTING, id="collecting"),
    ],
)


class Unguarded:
    """A stage at AD CS."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        witness: Any = stage.simulator
        self.ca: AdCs = witness  # its ledger is read here, in its own words

    def sent(self) -> int:
        """How many requests the CA has, whatever came of them."""
        return len(self.ca.ledger("request"))

    async def ends(self, enrollment_id: UUID, state: str) -> None:
        """A second worker leaves it in this state, and sends nothing more."""
        await asyncio.sleep(1)  # what is under way has arrived
        sent = self.sent()
        assert sent <= 1
        self.stage.worker(longest_pause_seconds=PAUSE, **TIME)
        await self.stage.at_rest()
        row = await self.stage.row(enrollment_id)
        assert row.state == state
        assert self.sent() == sent
        assert len(await self.stage.attempts(enrollment_id)) == 1
        if state == "parked":
            await self.tells_where_to_look(enrollment_id)

    async def tells_where_to_look(self, enrollment_id: UUID) -> None:
        """What is shown leads to the request among those of the CA, if it is there."""
        shown = await self.stage.client.look(enrollment_id)
        assert shown["reason_code"] == "outcome-unknown"
        reason = shown["reason"]
        for part in (CA_NAME, "CorpWeb", "Requester Name", self.ca.url):
            assert part in reason
        key = self.stage.client.log.keys[enrollment_id]
        csr_der = (await self.stage.row(enrollment_id)).csr_der
        digest = hashlib.sha256(csr_der).hexdigest()
        assert {digest, key} <= set(re.findall(r"[0-9a-f]{64}", reason))
        arrived = [x509.load_pem_x509_csr(each["csr"].encode()) for each in self.ca.requests()]
        found = [each for each in arrived if each.public_bytes(Encoding.DER) == csr_der]
        assert len(found) <= 1


@contextmanager
def _adcs(directory: Path) -> Iterator[AdCs]:
    settings = microsoft.Settings(made_state("microsoft", directory))
    with LoopThread() as loop:
        server = loop.run(microsoft.serve(settings))
        yield AdCs(server)
        loop.run(server.aclose())


AT_ADCS = Kind(_adcs, microsoft_chain)


@pytest.fixture
def open_stage(open_at: OpenAt) -> OpenStage:
    """Opens stages, each with an API, a CA and a database of its own."""
    return open_at(AT_ADCS)


def _slow_where_needed(unguarded: Unguarded, point: str) -> None:
    if point.startswith("after_send"):
        unguarded.ca.fault(SUBMIT, "delay", seconds=0.8, when="after")


@at_every_point
async def test_f02_killed_around_the_order(
    open_stage: OpenStage, points: list[tuple[str, str, str]]
) -> None:
    async def scene(stage: Stage, point: str, state: str, end: str) -> None:
        unguarded = Unguarded(stage)
        _slow_where_needed(unguarded, point)
        dying = unguarded.stage.worker(point, "kill", **TIME)
        enrollment_id = await unguarded.stage.client.enroll()
        assert await dying.crashed() == -signal.SIGKILL
        assert (await unguarded.stage.row(enrollment_id)).state == state
        await unguarded.ends(enrollment_id, end)

    await side_by_side(open_stage, scene, points)


@at_every_point
async def test_f17_frozen_around_the_order_and_woken_again(
    open_stage: OpenStage, points: list[tuple[str, str, str]]
) -> None:
    async def scene(stage: Stage, point: str, state: str, end: str) -> None:
        unguarded = Unguarded(stage)
        _slow_where_needed(unguarded, point)
        freezing = unguarded.stage.worker(point, "stop", longest_pause_seconds=PAUSE, **TIME)
        enrollment_id = await unguarded.stage.client.enroll()
        await freezing.frozen()
        past_the_lease = asyncio.create_task(asyncio.sleep(1.2 * LEASE))
        assert (await unguarded.stage.row(enrollment_id)).state == state
        await unguarded.ends(enrollment_id, end)
        await past_the_lease
        freezing.send(signal.SIGCONT)
        assert await freezing.ended() == EXIT_PAUSED
        assert unguarded.sent() <= 1

    await side_by_side(open_stage, scene, points)


async def test_f04_lost_answers_are_parked_each_with_one_order(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        unguarded = Unguarded(stage)
        faults: list[dict[str, Any]] = [
            {"action": "reset", "when": "after"},
            {"action": "close", "when": "after"},
            {"action": "hang", "when": "after"},
            {"action": "error", "status": 500, "when": "after"},
            {"action": "html", "status": 200, "when": "after"},
            {"action": "truncate"},
        ]
        for fault in faults:
            unguarded.ca.fault(SUBMIT, **fault)
        made = await unguarded.stage.client.enroll_many(len(faults))
        unguarded.stage.worker(longest_pause_seconds=PAUSE, **TIME)
        await unguarded.stage.at_rest()
        for enrollment_id in made:
            assert (await unguarded.stage.row(enrollment_id)).state == "parked"
            await unguarded.tells_where_to_look(enrollment_id)
        assert unguarded.sent() == len(faults)


async def test_f02_a_lost_request_that_is_found_at_the_ca_is_adopted(
    open_stage: OpenStage,
) -> None:
    async with open_stage() as stage:
        unguarded = Unguarded(stage)
        unguarded.ca.fault(SUBMIT, "reset", when="after")
        enrollment_id = await unguarded.stage.client.enroll()
        unguarded.stage.worker(longest_pause_seconds=PAUSE, **TIME)
        await unguarded.stage.at_rest()
        (request,) = unguarded.ca.requests()
        await unguarded.stage.client.adopt(enrollment_id, str(request["id"]))
        await unguarded.stage.at_rest()
        assert (await unguarded.stage.row(enrollment_id)).state == "issued"
        assert unguarded.sent() == 1
