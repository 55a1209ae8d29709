"""F35: a CA that hangs holds half of a worker's slots, and the others go on."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, text, update

from estate import Chain, Estate
from memory_estate import memory_chain
from scm_api.db.models import Enrollment
from scm_api.db.session import Database
from scm_api.db.statements import changed_rows
from scm_api.drivers.pool import DriverPool
from scm_api.gateway.connections import Gateway
from scm_api.secret_keys import load_key_ring
from scm_api.settings import Settings
from scm_api.worker.bulkhead import Bulkhead
from scm_api.worker.crash import CrashPoints
from scm_api.worker.issuance import Issuance
from scm_api.worker.limits import Limits
from scm_api.worker.revocation import Revocation
from settlement import Enrolling
from simulator import Simulator

SLOTS = 10
HANGS, ALSO, WORKS = uuid4(), uuid4(), uuid4()
_LATER = text("SELECT count(*) FROM pgqueuer WHERE execute_after > now()")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bulkhead(clock: Clock) -> Bulkhead:
    return Bulkhead(SLOTS, clock)


@pytest.fixture
def hanging() -> Iterator[ExitStack]:
    with ExitStack() as calls:
        yield calls


def enter(bulkhead: Bulkhead, calls: ExitStack, connection_id: UUID, count: int) -> None:
    for _ in range(count):
        calls.enter_context(bulkhead.entered(connection_id))


def test_f35_a_ca_that_answers_may_have_every_slot(
    bulkhead: Bulkhead, clock: Clock, hanging: ExitStack
) -> None:
    enter(bulkhead, hanging, WORKS, SLOTS)
    clock.now += 2.9
    assert not bulkhead.is_full(WORKS)


def test_f35_one_that_does_not_has_half(
    bulkhead: Bulkhead, clock: Clock, hanging: ExitStack
) -> None:
    enter(bulkhead, hanging, HANGS, SLOTS // 2 - 1)
    clock.now += 3.1
    assert not bulkhead.is_full(HANGS)
    enter(bulkhead, hanging, HANGS, 1)
    assert not bulkhead.is_full(HANGS), "the last one may be answered yet"
    clock.now += 3.1
    assert bulkhead.is_full(HANGS)
    assert not bulkhead.is_full(WORKS)


def test_f35_a_second_one_has_half_of_what_is_left(
    bulkhead: Bulkhead, clock: Clock, hanging: ExitStack
) -> None:
    enter(bulkhead, hanging, HANGS, SLOTS // 2)
    enter(bulkhead, hanging, ALSO, 2)
    clock.now += 3.1
    assert bulkhead.is_full(ALSO)


def test_f35_that_it_hung_is_remembered_for_the_next_calls(
    bulkhead: Bulkhead, clock: Clock, hanging: ExitStack
) -> None:
    with bulkhead.entered(HANGS):
        clock.now += 8
    assert not bulkhead.is_full(HANGS), "one may try"
    enter(bulkhead, hanging, HANGS, SLOTS // 2)
    assert bulkhead.is_full(HANGS)
    hanging.close()
    clock.now += 15
    enter(bulkhead, hanging, HANGS, SLOTS)
    assert not bulkhead.is_full(HANGS)


def test_f35_what_waits_comes_back_one_after_the_other_within_a_minute(bulkhead: Bulkhead) -> None:
    """Many that look at the same time, again and again, would keep the worker from all else."""
    waits = [bulkhead.turn(HANGS).total_seconds() for _ in range(200)]
    assert waits[:10] == pytest.approx([3 + 3 * each / (SLOTS // 2) for each in range(1, 11)])
    assert waits[-1] == pytest.approx(60)
    assert bulkhead.turn(WORKS) < timedelta(seconds=4), "another CA has a line of its own"


def test_f35_the_slot_of_what_comes_back_soon_is_kept(
    bulkhead: Bulkhead, clock: Clock, hanging: ExitStack
) -> None:
    enter(bulkhead, hanging, HANGS, SLOTS // 2)
    clock.now += 8
    for _ in range(SLOTS // 2):
        bulkhead.keep(HANGS)
    hanging.close()
    assert bulkhead.is_full(HANGS)
    assert not bulkhead.is_full(WORKS)
    clock.now += 3
    assert not bulkhead.is_full(HANGS)


async def test_f35_an_order_known_by_its_token_keeps_its_slot_until_it_is_sent_again(
    estate: Estate,
    chain: Chain,
    simulator: Simulator,
    database: Database,
    settings: Settings,
    clock: Clock,
) -> None:
    """It is sent again at once, full or not: orders in its place would make the CA hold all."""
    pool, bulkhead = DriverPool(), Bulkhead(1, clock)
    gateway = Gateway(database, load_key_ring(settings), pool)
    limits = Limits(*(timedelta(minutes=each) for each in (1, 0.5, 5)), attempts=5)
    issuance = Issuance(database, gateway, limits, CrashPoints(settings), bulkhead)
    made = await Enrolling(estate.api, chain).enroll("www.example.com")
    simulator.fault("IssueCertificate", "reset")
    await issuance.advance(UUID(made["id"]))
    assert (await estate.api.get(f"/enrollments/{made['id']}"))["reason_code"] == "outcome-unknown"
    assert bulkhead.is_full(UUID(chain.local_ca_backend["id"]))
    await pool.aclose()


async def test_f35_orders_and_revocations_make_room_and_come_back(
    estate: Estate,
    database: Database,
    settings: Settings,
    bulkhead: Bulkhead,
    clock: Clock,
    hanging: ExitStack,
) -> None:
    chain, authority = await memory_chain(estate, "device")
    pool = DriverPool()
    gateway = Gateway(database, load_key_ring(settings), pool)
    limits = Limits(*(timedelta(minutes=each) for each in (1, 0.5, 5)), attempts=5)
    parts = database, gateway, limits, CrashPoints(settings), bulkhead
    issuance, revocation = Issuance(*parts), Revocation(*parts)
    made = UUID((await Enrolling(estate.api, chain).enroll("www.example.com"))["id"])
    path = f"/enrollments/{made}"

    def hang() -> None:
        enter(bulkhead, hanging, UUID(chain.local_ca_backend["id"]), SLOTS // 2)
        clock.now += 3.1

    hang()
    await issuance.advance(made)
    assert (await estate.api.get(path))["state"] == "approved"
    mine = update(Enrollment).where(Enrollment.id == made, Enrollment.due_at > func.now())
    async with database.transaction() as session:
        assert await session.scalar(_LATER) == 1
        assert await changed_rows(session, mine.values(due_at=func.now())) == 1
    hanging.close()
    clock.now += 15
    await issuance.advance(made)
    certificate_id = (await estate.api.get(path))["certificate_id"]

    await estate.api.post(f"/certificates/{certificate_id}/revoke", {"reason": "superseded"}, 202)
    hang()
    assert await revocation.revoke(UUID(certificate_id), 0) is not None
    assert not authority.revoked
    hanging.close()
    clock.now += 15
    assert await revocation.revoke(UUID(certificate_id), 0) is None
    assert authority.revoked
    await pool.aclose()
