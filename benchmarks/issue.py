"""W2: from the planned arrival of a request until its certificate is recorded."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from uuid import UUID

import asyncpg
import orjson

from benchmarks.enrollment_requests import EnrollmentRequests, signed_csrs
from benchmarks.http1 import Connection, connections
from benchmarks.load import open_loop
from benchmarks.machine import cpu_seconds, memory_mib
from benchmarks.report import Report
from benchmarks.rounds import Record, run_rounds, spread
from benchmarks.service import Process, Server, Service
from benchmarks.simulator import SimulatedCa
from scm_api.settings import Settings

_DATABASE = "issue"
_CHANNEL = "scm_enrollments"
_CSRS = 1000
_CONNECTIONS = 30
_SECONDS = 3.0
BACKLOG = 240
_WAKE_UPS = 12
_PATIENCE = 60.0
_SLOTS: int = Settings.model_fields["worker_concurrency"].default


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the CA behaves: median milliseconds of a call, looks that find nothing yet."""

    milliseconds: float
    pending_gets: int = 0

    @property
    def seconds(self) -> float:
        """About how long a certificate occupies one of the worker's slots: its calls."""
        return (2 + self.pending_gets) * self.milliseconds * 1.13 / 1000


BEHAVIOURS = {
    "added_latency_ms": Behaviour(0),
    "added_latency_50ms": Behaviour(50),
    "added_latency_500ms": Behaviour(500),
    "added_latency_deferred": Behaviour(0, pending_gets=1),
}


@dataclass(slots=True)
class Block:
    """Seconds added to certificates; certificates a second; CPU of the worker for one."""

    added: list[float] = field(default_factory=list)
    until_answer: list[float] = field(default_factory=list)
    rate: float = 0.0
    worker_cpu: float = 0.0


class IssueError(Exception):
    """Certificates did not come; figures would mean nothing."""


class Issuing:
    """One installation with one worker, and everything to watch it by."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        ca: SimulatedCa,
        worker: Process,
        api: Process,
        requests: EnrollmentRequests,
        lottery: random.Random,
    ) -> None:
        self._connection = connection
        self._ca = ca
        self._worker = worker
        self._port = api.port
        self._requests = requests
        self._lottery = lottery
        self._changed: dict[UUID, float] = {}

    async def listen(self) -> None:
        """Hear of every state change as a waiting client's request does."""
        await self._connection.add_listener(_CHANNEL, self._notified)

    def _notified(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._changed[UUID(str(payload))] = time.perf_counter()

    async def backlog(self) -> Block:
        """How many certificates a second one worker makes when more are waiting."""
        await self._ca.behave(0, 0, self._lottery.randrange(10**6))
        cpu, started = cpu_seconds(self._worker.pids), time.perf_counter()
        async with connections(self._port, _CONNECTIONS) as opened:
            answers = await asyncio.gather(*map(self._send, opened))
        ids = [enrollment_id for sent in answers for enrollment_id in sent]
        await self._settled(ids)
        last = max(self._changed[enrollment_id] for enrollment_id in ids)
        used = cpu_seconds(self._worker.pids) - cpu
        await self._ca.orders()
        return Block(rate=len(ids) / (last - started), worker_cpu=used / len(ids))

    async def _send(self, connection: Connection) -> list[UUID]:
        pieces = range(BACKLOG // _CONNECTIONS)
        return [_id(await connection.request(self._requests(), 202)) for _ in pieces]

    async def arrivals(self, behaviour: Behaviour, rate: float) -> Block:
        """Requests at fixed times, followed until their certificates are recorded."""
        seed = self._lottery.randrange(10**6)
        await self._ca.behave(behaviour.milliseconds, behaviour.pending_gets, seed)
        async with connections(self._port, _CONNECTIONS) as opened:
            answers = await open_loop(opened, rate, self._requests, expected=202, seconds=_SECONDS)
        sent = {_id(body): (planned, answered) for planned, answered, body in answers}
        await self._settled(list(sent))
        orders = await self._ca.orders()
        block = Block()
        for enrollment_id, (planned, answered) in sent.items():
            order = orders[enrollment_id]
            total = self._changed[enrollment_id] - planned
            block.added.append(total - order.answering - order.deliberate)
            block.until_answer.append(answered - planned)
        return block

    async def wake_ups(self) -> Block:
        """One enrollment after the other, each into an idle installation: from its answer until
        the CA has the order."""
        await self._ca.behave(0, 0, self._lottery.randrange(10**6))
        answered = {}
        async with connections(self._port, 1) as (connection,):
            for _ in range(_WAKE_UPS):
                body = await connection.request(self._requests(), 202)
                answered[_id(body)] = time.time()
                await self._settled([_id(body)])
                await asyncio.sleep(self._lottery.uniform(0.05, 0.25))
        orders = await self._ca.orders()
        return Block(
            added=[orders[enrollment_id].asked_at - at for enrollment_id, at in answered.items()]
        )

    async def _settled(self, ids: list[UUID]) -> None:
        """Wait until the certificates of these enrollments are recorded."""
        ends = time.monotonic() + _PATIENCE
        query = "SELECT state FROM enrollments WHERE id = ANY($1) AND state <> 'issued' LIMIT 1"
        while (state := await self._connection.fetchval(query, ids)) is not None:
            if time.monotonic() > ends:
                raise IssueError(f"after {_PATIENCE:g} s an enrollment is still {state}")
            await asyncio.sleep(0.2)


def _id(body: bytes) -> UUID:
    return UUID(orjson.loads(body)["id"])


async def run(
    server: Server, directory: Path, lottery: random.Random, report: Report, deadline: float
) -> None:
    """Start one API process, one worker and the simulator, measure, and tell."""
    url = await server.create_database(_DATABASE)
    connection = await server.connect(_DATABASE)
    try:
        with Service(directory / _DATABASE, url) as service:
            api, simulator = service.api(1), service.simulator()
            prepared = service.prepare(api, simulator)
            worker, ca = service.worker(), SimulatedCa(prepared.simulator)
            requests = EnrollmentRequests(prepared, signed_csrs(_CSRS))
            issuing = Issuing(connection, ca, worker, api, requests, lottery)
            await issuing.listen()
            print("W2: accept to issued")
            await issuing.backlog()  # the first certificate loads the SDK
            await _measure(issuing, connection, lottery, report, deadline)
            used = ", ".join(f"{size:.0f}" for size in memory_mib(worker.pids))
            report.note(f"memory (PSS, MiB) of the worker: {used}")
            await ca.aclose()
    finally:
        await connection.close()


async def _measure(
    issuing: Issuing,
    connection: asyncpg.Connection,
    lottery: random.Random,
    report: Report,
    deadline: float,
) -> None:
    async def before() -> None:
        await connection.execute("CHECKPOINT")

    backlogs = await run_rounds(
        {"worker": issuing.backlog}, lottery, before_each=before, deadline=deadline
    )
    rates = [block.rate for block in backlogs.kept["worker"]]
    blocks: dict[str, Callable[[], Awaitable[Block]]] = {"idle_wake_up": issuing.wake_ups}
    for name, behaviour in BEHAVIOURS.items():
        blocks[name] = _arriving(issuing, behaviour, median(rates))
    record = await run_rounds(blocks, lottery, before_each=before, deadline=deadline)
    _tell(report, backlogs, record)


def _arriving(
    issuing: Issuing, behaviour: Behaviour, most: float
) -> Callable[[], Awaitable[Block]]:
    """At half of what is possible: the worker's own maximum, or all its slots waiting."""
    waiting = _SLOTS / behaviour.seconds if behaviour.seconds else most
    return lambda: issuing.arrivals(behaviour, min(most, waiting) / 2)


def _tell(report: Report, backlogs: Record[Block], record: Record[Block]) -> None:
    report.rounds(backlogs)
    report.rounds(record)
    worker = backlogs.kept["worker"]
    report.figure(
        "worker_certificates",
        median(block.rate for block in worker),
        "certificates/s",
        count=len(worker) * BACKLOG,
        remark=f"({spread([block.rate for block in worker])}), "
        f"CPU {spread([block.worker_cpu * 1000 for block in worker])} ms",
    )
    for name, blocks in record.kept.items():
        milliseconds = [seconds * 1000 for block in blocks for seconds in block.added]
        answers = [seconds * 1000 for block in blocks for seconds in block.until_answer]
        remark = f"of which {median(answers):.1f} ms until the 202" if answers else ""
        report.figure(name, median(milliseconds), "ms", milliseconds=milliseconds, remark=remark)
