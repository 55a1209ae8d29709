"""Two thousand pending DigiCert orders, followed for two minutes: how often the CA is asked.

It takes minutes, so it is a target of its own: `make test-pending`.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, insert, select, text, update

from digicert_estate import CertCentral, digicert_chain
from estate import Estate
from loop_thread import LoopThread
from scm_api.db.base import new_id
from scm_api.db.jobs import Job, enqueue
from scm_api.db.models import Enrollment, EnrollmentAttempt
from scm_api.db.session import Database
from scm_api.sandbox import digicert
from scm_api.sandbox.digicert import RunningServer
from scm_api.sandbox.documents import Document
from scm_api.settings import Settings
from scm_api.worker.process import working
from settlement import Enrolling

ORDERS = 2000
FINISHED = 40
FIRST = 130_000_000


class Server:
    """The simulator, with a way to write into its books in its own thread."""

    def __init__(self, loop: LoopThread, running: RunningServer) -> None:
        self.url = running.url
        self._loop = loop
        self._documents = running.simulator.documents

    def orders(self) -> list[Document]:
        return list(self._documents.of("order"))

    def put(self, orders: list[Document]) -> None:
        async def written() -> None:
            for order in orders:
                self._documents.put("order", order)

        self._loop.run(written())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with LoopThread() as loop:
        running = loop.run(digicert.serve(digicert.Settings(tmp_path / "ca")))
        yield Server(loop, running)
        loop.run(running.aclose())


async def multiplied(database: Database, server: Server, enrollment_id: UUID) -> None:
    """The pending enrollment with its order, as often as there are to be orders."""
    [order] = server.orders()
    async with database.transaction() as session:
        row = (
            (await session.execute(select(Enrollment.__table__).filter_by(id=enrollment_id)))
            .mappings()
            .one()
        )
        attempt = (
            (
                await session.execute(
                    select(EnrollmentAttempt.__table__).filter_by(enrollment_id=enrollment_id)
                )
            )
            .mappings()
            .one()
        )
        ids = [uuid4() for _ in range(ORDERS - 1)]
        await session.execute(insert(Enrollment), [dict(row) | {"id": each} for each in ids])
        attempts = [
            dict(attempt)
            | {
                "id": uuid4(),
                "enrollment_id": each,
                "ca_ref": str(FIRST + number),
                "token": f"{each.hex}0001",
            }
            for number, each in enumerate(ids)
        ]
        columns = set(EnrollmentAttempt.__table__.columns.keys())
        await session.execute(
            insert(EnrollmentAttempt),
            [{k: v for k, v in each.items() if k in columns} for each in attempts],
        )
    server.put(
        [
            order
            | {"reserved_certificate_id": None, "certificates": []}
            | {"id": FIRST + number, "alternative_order_id": f"{each.hex}0001"}
            for number, each in enumerate(ids)
        ]
    )


async def all_due(database: Database) -> None:
    pending = Enrollment.state == "pending_ca"
    async with database.transaction() as session:
        await session.execute(update(Enrollment).where(pending).values(due_at=func.now()))
        for each in await session.scalars(select(Enrollment.id).where(pending)):
            await enqueue(session, Job.ADVANCE_ENROLLMENT, each, new_id())


async def looked_through(database: Database) -> None:
    """Wait until no pending enrollment is due."""
    due = select(func.count()).where(
        Enrollment.state == "pending_ca", Enrollment.due_at <= func.now()
    )
    for _ in range(1200):
        async with database.transaction() as session:
            if not await session.scalar(due):
                return
        await asyncio.sleep(0.2)
    raise AssertionError("enrollments are still due")


async def test_two_thousand_orders_take_one_call_a_minute(
    estate: Estate, database: Database, settings: Settings, server: Server
) -> None:
    certcentral = CertCentral(server.url)
    certcentral.unprove("example.com")
    enrolling = Enrolling(estate.api, await digicert_chain(estate, certcentral))
    async with working(settings) as queue:
        running = asyncio.create_task(queue.run())
        made = await enrolling.enroll("www.example.com")
        await enrolling.until(f"/enrollments/{made['id']}", "state", "pending_ca")
        await multiplied(database, server, UUID(made["id"]))
        began = time.monotonic()
        await all_due(database)
        await looked_through(database)
        first_round = time.monotonic() - began
        orders = server.orders()[:FINISHED]
        server.put([order | {"waiting_domains": []} for order in orders])
        for order in orders:
            certcentral.call("GET", f"/order/certificate/{order['id']}")
        await asyncio.sleep(max(0.0, 65 - first_round))
        await all_due(database)
        await looked_through(database)
        minutes = (time.monotonic() - began) / 60
        queue.stop()
        await running
    async with database.transaction() as session:
        counts = await session.execute(
            text("SELECT state, count(*) FROM enrollments GROUP BY state")
        )
        states = dict(row for row in counts.all())
    asked = len(certcentral.calls("status_changes"))
    followed = len(certcentral.calls("get_chain"))
    own = len([each for each in certcentral.calls("get_order") if each["user"] == "9001"])
    print(f"{states}: {asked} status calls in {minutes:.1f} minutes, {followed} chains")  # noqa: T201
    assert states == {"pending_ca": ORDERS - FINISHED, "issued": FINISHED}
    assert asked <= 1 + minutes
    assert followed == FINISHED
    assert own == FINISHED  # those of this test, which made the CA go on
    calls = certcentral.control("GET", "/calls")["entries"]
    assert not [each for each in calls if each["status"] == 429]
