"""The next step of an enrollment, and a search over all crashes and pauses that it survives.

The search is a small model of the whole: enrollment, two workers, the CA and time. It visits every
state reachable with two faults and checks in each that there is one order at most and that
somebody is still due to move.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from scm_api.core.recovery import Guard, Timing
from scm_api.core.vocabulary import EnrollmentState as State
from scm_api.worker.planning import Defer, Park, Plan, Poll, Recover, Submit, TakeBack, plan

START = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = 15
TOKEN = 60
PAUSE = 600
TIMING = Timing(timedelta(seconds=LEASE), timedelta(seconds=PAUSE), timedelta(seconds=TOKEN))


def _plan(
    state: State,
    guard: Guard = Guard.TOKEN,
    *,
    ca_ref: str | None = None,
    sent: int | None = None,
    untraced: int | None = None,
    seen: int | None = None,
    now: int = 0,
    canceled: bool = False,
    refused: bool = False,
    attempt: bool = True,
) -> Plan:
    return plan(
        state,
        ca_ref=ca_ref,
        has_attempt=attempt,
        first_sent_at=None if sent is None else START + timedelta(seconds=sent),
        untraced_at=None if untraced is None else START + timedelta(seconds=untraced),
        seen_pending_at=None if seen is None else START + timedelta(seconds=seen),
        cancel_requested=canceled,
        backend_refused=refused,
        guard=guard,
        timing=TIMING,
        now=START + timedelta(seconds=now),
    )


def test_an_approved_enrollment_is_ordered() -> None:
    assert _plan(State.APPROVED, attempt=False) == Submit(fresh=True)


def test_an_order_that_surely_was_not_sent_is_sent() -> None:
    assert _plan(State.SUBMITTING) == Submit(fresh=False)


def test_f02_an_unanswered_order_is_recovered_within_the_token() -> None:
    assert _plan(State.SUBMITTING, sent=0, now=TOKEN - LEASE - 1) == Recover()


def test_an_unanswered_order_is_parked_with_instructions_after_the_token() -> None:
    parked = _plan(State.SUBMITTING, sent=0, now=TOKEN)
    assert isinstance(parked, Park)
    assert parked.reason[0] == "outcome-unknown"
    assert "2026-01-01 00:00:00 UTC" in parked.reason[1]


def test_an_accepted_order_is_polled() -> None:
    assert _plan(State.PENDING_CA, ca_ref="ref", sent=0) == Poll("ref")


def test_f15_what_became_of_an_order_since_it_was_seen_is_asked_for_a_day_and_then_itself() -> None:
    day = 24 * 60 * 60
    lately = _plan(State.PENDING_CA, ca_ref="ref", sent=0, seen=7, now=day)
    assert lately == Poll("ref", START + timedelta(seconds=7))
    assert _plan(State.PENDING_CA, ca_ref="ref", sent=0, seen=7, now=day + 7) == Poll("ref")


def test_an_accepted_order_is_taken_back_and_no_other() -> None:
    taken_back = _plan(State.PENDING_CA, ca_ref="ref", sent=0, canceled=True)
    assert taken_back == TakeBack("ref")
    assert _plan(State.SUBMITTING, sent=0, canceled=True) == Recover()


@pytest.mark.parametrize(
    ("state", "sent", "ca_ref"), [(State.APPROVED, None, None), (State.PENDING_CA, 0, "ref")]
)
def test_a_backend_that_refuses_us_is_left_alone(
    state: State, sent: int | None, ca_ref: str | None
) -> None:
    deferred = _plan(state, sent=sent, ca_ref=ca_ref, refused=True)
    assert isinstance(deferred, Defer)
    assert deferred.reason[0] == "backend-refused"


def test_an_unanswered_order_is_recovered_even_from_a_backend_that_refuses_us() -> None:
    assert _plan(State.SUBMITTING, sent=0, refused=True) == Recover()


@dataclass(frozen=True)
class Worker:
    """What one worker is about to do: `generation` of its claim, when it took it, what it plans."""

    generation: int = 0
    taken: int = 0
    plan: str = ""


@dataclass(frozen=True)
class World:
    """Everything: the row, the orders at the CA (by first arrival), the workers, time, faults."""

    state: State = State.APPROVED
    generation: int = 0
    lease: int = 0
    sent: int | None = None
    orders: tuple[int, ...] = ()
    workers: tuple[Worker | None, ...] = (None, None)
    now: int = 0
    faults: int = 2
    parked: bool = False


STEP = LEASE
END = 2 * TOKEN


def _ca_takes(world: World, guard: Guard) -> World:
    """An order arrives at the CA; a token it still knows makes no second one."""
    known = guard is Guard.TOKEN and any(world.now - order < TOKEN for order in world.orders)
    return world if known else replace(world, orders=(*world.orders, world.now))


def _with_worker(world: World, index: int, worker: Worker | None) -> World:
    workers = list(world.workers)
    workers[index] = worker
    return replace(world, workers=tuple(workers))


def _claim(world: World, index: int, guard: Guard, *, naive: bool) -> Iterator[World]:
    if world.state not in (State.APPROVED, State.SUBMITTING) or world.lease > world.now:
        return
    chosen = (
        Submit(fresh=False)
        if naive
        else _plan(
            world.state,
            guard,
            sent=world.sent,
            now=world.now,
            attempt=world.sent is not None,
        )
    )
    claimed = replace(world, generation=world.generation + 1, lease=world.now + LEASE)
    match chosen:
        case Submit():
            intent = replace(claimed, state=State.SUBMITTING, sent=world.now)
            yield _with_worker(intent, index, Worker(intent.generation, world.now, "submit"))
        case Recover():
            yield _with_worker(claimed, index, Worker(claimed.generation, world.now, "recover"))
        case Park():
            yield replace(claimed, state=State.PARKED, parked=True)
        case Defer():
            yield replace(world, now=world.now + STEP)


def _finish(world: World, index: int, worker: Worker) -> World:
    """The worker records that the order is there, if the row is still its own."""
    world = _with_worker(world, index, None)
    return replace(world, state=State.ISSUED) if worker.generation == world.generation else world


def _act(world: World, index: int, guard: Guard, *, naive: bool) -> Iterator[World]:
    worker = world.workers[index]
    assert worker is not None
    if not naive and world.now - worker.taken > LEASE:
        yield _with_worker(world, index, None)  # paused past its lease: it leaves
        return
    arrived = _ca_takes(world, guard)
    yield _finish(arrived, index, worker)
    if world.faults:
        # The worker dies right after the CA took the order, or before it did.
        yield replace(_with_worker(arrived, index, None), faults=world.faults - 1)
        yield replace(_with_worker(world, index, None), faults=world.faults - 1)


def _next_worlds(world: World, guard: Guard, *, naive: bool) -> Iterator[World]:
    for index, worker in enumerate(world.workers):
        if worker is None:
            yield from _claim(world, index, guard, naive=naive)
        else:
            yield from _act(world, index, guard, naive=naive)
    if world.now < END:
        yield replace(world, now=world.now + STEP)


def _violations(guard: Guard, *, naive: bool = False) -> list[World]:
    found, seen, todo = [], {World()}, deque([World()])
    while todo:
        world = todo.popleft()
        if len(world.orders) > 1:
            found.append(world)
            continue
        lost = world.state in (State.APPROVED, State.SUBMITTING) and world.lease > world.now + LEASE
        assert not lost, "I5: nobody may take the enrollment any more"
        for following in _next_worlds(world, guard, naive=naive):
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return found


@pytest.mark.parametrize("guard", [Guard.TOKEN, Guard.NONE])
def test_no_crash_or_pause_leads_to_a_second_order(guard: Guard) -> None:
    assert _violations(guard) == []


def test_ordering_again_without_thinking_is_caught_by_the_same_search() -> None:
    assert _violations(Guard.NONE, naive=True)
