"""`make bench-cpu`: what one accept and one certificate cost, in CPU and statements; a minute.

Rates need a quiet machine. CPU time hardly does, so this is what changes are judged by.
"""

import argparse
import asyncio
import random
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import asyncpg
import uvloop

from benchmarks.enrollment_requests import EnrollmentRequests, signed_csrs
from benchmarks.issue import BACKLOG, Issuing
from benchmarks.load import closed_loop
from benchmarks.machine import cpu_loop, cpu_seconds, memory_mib, tree
from benchmarks.rounds import spread
from benchmarks.service import Process, Server, Service, postgres
from benchmarks.simulator import SimulatedCa

_DIRECTORY = Path(".scm-api/benchmark-cpu").absolute()
_DATABASE = "cpu"
_SECONDS = 1.0
_LOGGED = re.compile(r"LOG:  (?:execute [^:]+|statement): *(\w*)", re.ASCII)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="of each; the median is printed")
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    uvloop.run(_run(options.rounds, options.clients))


async def _run(rounds: int, clients: int) -> None:
    shutil.rmtree(_DIRECTORY, ignore_errors=True)
    with postgres(_DIRECTORY / "postgres") as server:
        url = await server.create_database(_DATABASE)
        connection = await server.connect(_DATABASE)
        try:
            with Service(_DIRECTORY / _DATABASE, url) as service:
                api, simulator = service.api(1), service.simulator()
                prepared = service.prepare(api, simulator)
                requests = EnrollmentRequests(prepared, signed_csrs(1000))
                await _accepts(server, connection, api, requests, rounds, clients)
                await connection.execute("TRUNCATE enrollments, pgqueuer CASCADE")
                ca, worker = SimulatedCa(prepared.simulator), service.worker()
                issuing = Issuing(connection, ca, worker, api, requests, random.Random(1))
                await _certificates(server, connection, issuing, worker, simulator, rounds)
                await ca.aclose()
        finally:
            await connection.close()


async def _accepts(
    server: Server,
    connection: asyncpg.Connection,
    api: Process,
    requests: EnrollmentRequests,
    rounds: int,
    clients: int,
) -> None:
    async def block() -> int:
        load = await closed_loop(
            api.port, clients, requests, expected=202, seconds=_SECONDS, watched=api.pids
        )
        return len(load.latencies) + clients  # each connection's first request is not timed

    await block()
    print(f"accept (pid {api.popen.pid})", flush=True)
    await _tell(block, rounds, {"API": api.popen.pid, "PostgreSQL": _postmaster(server)})
    await _tell_statements(server, connection, block)
    print(f"  memory of the API {memory_mib([api.popen.pid])[0]:.0f} MiB", flush=True)


async def _certificates(
    server: Server,
    connection: asyncpg.Connection,
    issuing: Issuing,
    worker: Process,
    simulator: Process,
    rounds: int,
) -> None:
    rates = []

    async def block() -> int:
        rates.append((await issuing.backlog()).rate)
        return BACKLOG

    await issuing.listen()
    await block()
    print(f"certificate (pid {worker.popen.pid})", flush=True)
    watched = {
        "worker": worker.popen.pid,
        "simulator": simulator.popen.pid,
        "PostgreSQL": _postmaster(server),
    }
    await _tell(block, rounds, watched)
    print(f"  {median(rates):.0f} certificates/s", flush=True)
    await _tell_statements(server, connection, block)
    print(f"  memory of the worker {memory_mib([worker.popen.pid])[0]:.0f} MiB", flush=True)


async def _tell(block: Callable[[], Awaitable[int]], rounds: int, watched: dict[str, int]) -> None:
    used: dict[str, list[float]] = {name: [] for name in watched}
    loops = [cpu_loop() * 1000]
    for _ in range(rounds):
        before = {name: cpu_seconds(tree(pid)) for name, pid in watched.items()}
        count = await block()
        for name, pid in watched.items():
            used[name].append((cpu_seconds(tree(pid)) - before[name]) / count * 1000)
        loops.append(cpu_loop() * 1000)
    for name, milliseconds in used.items():
        print(f"  CPU of {name:12} {spread(milliseconds)} ms", flush=True)
    print(f"  a fixed loop meanwhile {spread(loops)} ms", flush=True)


async def _tell_statements(
    server: Server, connection: asyncpg.Connection, block: Callable[[], Awaitable[int]]
) -> None:
    """By the server's log, with those of the benchmark itself, which are few."""
    await connection.execute("ALTER SYSTEM SET log_statement = 'all'")
    await connection.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(0.3)
    start = server.log.stat().st_size
    count = await block()
    await connection.execute("ALTER SYSTEM RESET log_statement")
    await connection.execute("SELECT pg_reload_conf()")
    with server.log.open() as log:
        log.seek(start)
        kinds = [found[1].upper() for line in log if (found := _LOGGED.search(line))]
    told = ", ".join(
        f"{kinds.count(kind) / count:.2f} {kind}"
        for kind in sorted(set(kinds), key=kinds.count, reverse=True)
        if kinds.count(kind) / count > 0.01
    )
    print(f"  statements {len(kinds) / count:.2f}: {told}", flush=True)


def _postmaster(server: Server) -> int:
    lines = (server.log.parent / "data" / "postmaster.pid").read_text().splitlines()
    return int(lines[0])


if __name__ == "__main__":
    main()
