"""W1: `POST /enrollments` to its 202, with authentication, policy, idempotency, audit and job.

W0 runs in the same rounds, so that each round has floors of its own.
"""

import random
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from statistics import median

import asyncpg

from benchmarks.enrollment_requests import EnrollmentRequests, signed_csrs
from benchmarks.floors import CommitFloor, asgi_floor, asgi_rate, loop_rate, sign_rate
from benchmarks.load import Load, closed_loop
from benchmarks.machine import memory_mib
from benchmarks.report import Report
from benchmarks.rounds import Record, ratios, run_rounds, spread
from benchmarks.service import Process, Server, Service

PROCESSES = (1, 2)
CLIENTS = (1, 16, 64)
GATE = (2, 16)
_DATABASE = "accept"
_CSRS = 2000
_SECONDS = 2
_LOGGED = re.compile(r"LOG:  (?:execute [^:]+|statement): *(\w*)", re.ASCII)
_UNITS = {
    "commit_floor": "commits/s",
    "asgi_floor": "requests/s",
    "p256_sign": "signatures/s",
    "cpu_loop": "loops/s",
}
Connections = dict[str, list[int]]


async def run(
    server: Server, directory: Path, lottery: random.Random, report: Report, deadline: float
) -> None:
    """Start two installations on one database, measure W0 and W1, and tell."""
    url = await server.create_database(_DATABASE)
    connection = await server.connect(_DATABASE)
    try:
        with Service(directory / _DATABASE, url) as service:
            alone = service.api(1)
            prepared = service.prepare(alone, service.simulator())
            apis = {1: alone, 2: service.api(2)}
            requests = EnrollmentRequests(prepared, signed_csrs(_CSRS))
            print("W0, W1: floors and accept")
            await _measure(server, directory, connection, apis, requests, lottery, report, deadline)
            for processes, api in apis.items():
                used = ", ".join(f"{size:.0f}" for size in memory_mib(api.pids))
                report.note(f"memory (PSS, MiB) of serve with {processes} processes: {used}")
            largest = max(max(memory_mib(api.pids)) for api in apis.values())
            report.figure("api_memory", largest, "MiB", count=len(apis))
    finally:
        await connection.close()


async def _measure(
    server: Server,
    directory: Path,
    connection: asyncpg.Connection,
    apis: Mapping[int, Process],
    requests: EnrollmentRequests,
    lottery: random.Random,
    report: Report,
    deadline: float,
) -> None:
    for api in apis.values():
        await closed_loop(api.port, 16, requests, expected=202, seconds=1, watched=api.pids)
    await _count_statements(server, connection, apis[1], requests, report)
    floor = CommitFloor(server, directory)
    await floor.prepare()
    connections: Connections = {}
    async with asgi_floor() as (port, pids):
        blocks: dict[str, Callable[[], Awaitable[float | Load]]] = {
            "commit_floor": lambda: floor.measure(_SECONDS),
            "asgi_floor": lambda: asgi_rate(port, pids, _SECONDS),
            "p256_sign": lambda: sign_rate(0.5),
            "cpu_loop": loop_rate,
        }
        for processes, api in apis.items():
            for clients in CLIENTS:
                name = _name(processes, clients)
                blocks[name] = _accepting(name, api, clients, requests, connections)
        record = await run_rounds(
            blocks,
            lottery,
            before_each=lambda: connection.execute("CHECKPOINT"),
            deadline=deadline,
        )
    _tell(report, record, connections)


def _name(processes: int, clients: int) -> str:
    return "accept" if (processes, clients) == GATE else f"accept_{processes}p_{clients}c"


def _accepting(
    name: str, api: Process, clients: int, requests: EnrollmentRequests, connections: Connections
) -> Callable[[], Awaitable[Load]]:
    def look() -> None:
        found = api.connections_by_process()
        connections[name] = max(connections.get(name, found), found, key=_imbalance)

    async def block() -> Load:
        return await closed_loop(
            api.port,
            clients,
            requests,
            expected=202,
            seconds=_SECONDS,
            watched=api.pids,
            connected=look,
        )

    return block


def _imbalance(counts: list[int]) -> float:
    return max(counts) / min(counts)


async def _count_statements(
    server: Server,
    connection: asyncpg.Connection,
    api: Process,
    requests: EnrollmentRequests,
    report: Report,
) -> None:
    """By the server's log for a second; write transactions by the transaction ids given out."""
    await connection.execute("ALTER SYSTEM SET log_statement = 'all'")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.execute("SELECT pg_sleep(0.3)")
    start, first = server.log.stat().st_size, await _next_transaction(connection)
    load = await closed_loop(api.port, 16, requests, expected=202, seconds=1, watched=api.pids)
    written = await _next_transaction(connection) - first
    with server.log.open() as log:
        log.seek(start)
        kinds = [found[1].upper() for line in log if (found := _LOGGED.search(line))]
    await connection.execute("ALTER SYSTEM RESET log_statement")
    await connection.execute("SELECT pg_reload_conf()")
    sent = len(load.latencies) + 16  # each connection's first request is not timed
    statements = sum(kind not in {"BEGIN", "COMMIT", "ROLLBACK"} for kind in kinds) - 1
    report.figure("accept_statements", statements / sent, "statements/request", count=sent)
    report.figure("accept_commits", written / sent, "write commits/request", count=sent)


async def _next_transaction(connection: asyncpg.Connection) -> int:
    """Only what writes gets a transaction id, so this look adds none."""
    return int(await connection.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))


def _tell(report: Report, record: Record[float | Load], connections: Connections) -> None:
    report.rounds(record)
    rates = {
        name: [value.rate if isinstance(value, Load) else value for value in values]
        for name, values in record.kept.items()
    }
    floors = rates["commit_floor"]
    for name, unit in _UNITS.items():
        report.figure(
            name,
            median(rates[name]),
            unit,
            count=len(rates[name]),
            remark=f"({spread(rates[name])})",
        )
    for processes in PROCESSES:
        for clients in CLIENTS:
            name = _name(processes, clients)
            loads = [value for value in record.kept[name] if isinstance(value, Load)]
            _tell_accept(report, name, loads, floors)
            if name in connections and _imbalance(connections[name]) > 2:
                report.note(f"{name}: connections by process up to {connections[name]}")


def _tell_accept(report: Report, name: str, loads: list[Load], floors: list[float]) -> None:
    cpu = spread([load.cpu_ms for load in loads])
    report.figure(
        name,
        median(load.rate for load in loads),
        "requests/s",
        floor=median(floors),
        ratio=ratios([load.rate for load in loads], floors),
        milliseconds=[seconds * 1000 for load in loads for seconds in load.latencies],
        remark=f"CPU {cpu} ms",
    )
    report.generator(name, median(load.own_cpu / load.seconds for load in loads))
    if name == "accept":
        report.figure("accept_cpu", cpu.median, "ms/request", count=len(loads))
