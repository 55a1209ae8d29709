"""Sending requests: as fast as they are answered, or at fixed times."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.http1 import Connection, connections
from benchmarks.machine import cpu_seconds

NextRequest = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Load:
    """What one block of requests gave. `latencies` are seconds, in the order of answers.

    `service_cpu` and `own_cpu` are CPU seconds of the watched processes and of this one.
    """

    latencies: Sequence[float]
    seconds: float
    service_cpu: float
    own_cpu: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of the watched processes for one answer."""
        return self.service_cpu / len(self.latencies) * 1000


async def closed_loop(
    port: int,
    clients: int,
    next_request: NextRequest,
    *,
    expected: int,
    seconds: float,
    watched: Sequence[int],
    connected: Callable[[], None] = lambda: None,
) -> Load:
    """Each of `clients` sends its next request when its last was answered; for maxima only.

    `watched` are the processes whose CPU is counted; `connected` is called before time begins.
    """
    latencies: list[float] = []

    async def one_client(connection: Connection, ends: float) -> None:
        while (started := time.perf_counter()) < ends:
            await connection.request(next_request(), expected)
            latencies.append(time.perf_counter() - started)

    async with connections(port, clients) as opened:
        for connection in opened:  # the first request of a connection may be slow
            await connection.request(next_request(), expected)
        connected()
        cpu, own, started = cpu_seconds(watched), time.process_time(), time.perf_counter()
        await asyncio.gather(*(one_client(each, started + seconds) for each in opened))
        return Load(
            latencies,
            time.perf_counter() - started,
            cpu_seconds(watched) - cpu,
            time.process_time() - own,
        )


async def open_loop(
    opened: Sequence[Connection],
    rate: float,
    next_request: NextRequest,
    *,
    expected: int,
    seconds: float,
) -> list[tuple[float, float, bytes]]:
    """Requests at fixed times, whatever happened to those before.

    Returns the planned time, the time of the answer (both `time.perf_counter`) and the body.
    """
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for connection in opened:
        idle.put_nowait(connection)

    async def arrive(planned: float) -> tuple[float, float, bytes]:
        connection = await idle.get()
        body = await connection.request(next_request(), expected)
        answered = time.perf_counter()
        idle.put_nowait(connection)
        return planned, answered, body

    started = time.perf_counter()
    tasks = []
    for number in range(int(rate * seconds)):
        planned = started + number / rate
        await asyncio.sleep(max(0.0, planned - time.perf_counter()))
        tasks.append(asyncio.create_task(arrive(planned)))
    return await asyncio.gather(*tasks)
