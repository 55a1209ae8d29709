"""The machine: what it is, how much of it others use, and what our processes cost."""

import os
import platform
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version

import psutil

from scm_api import __version__

CORES = os.cpu_count() or 1
_PACKAGES = ("asyncpg", "cryptography", "fastapi", "pgqueuer", "pydantic", "sqlalchemy", "uvicorn")
_LOOPS = 400_000


def description() -> str:
    """Processor, memory, system and the versions that matter."""
    memory = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.release()}"
    versions = " ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"machine  {_processor()}, {CORES} cores, {memory:.0f} GiB, {system}\n"
        f"versions scm-api {__version__} Python {platform.python_version()} {versions}"
    )


def _processor() -> str:
    with open("/proc/cpuinfo") as lines:  # noqa: PTH123 - one line of a kernel file
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def cpu_loop() -> float:
    """Seconds a fixed piece of work takes on one core, the best of three."""
    return min(_timed_loop() for _ in range(3))


def _timed_loop() -> float:
    started = time.perf_counter()
    total = 0
    for number in range(_LOOPS):
        total += number & 7
    return time.perf_counter() - started


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time of these processes, and of children they have already waited for."""
    total = 0.0
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:  # its time is with its parent's children now
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def tree(pid: int) -> list[int]:
    """A process and everything below it."""
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]


def memory_mib(pids: Iterable[int]) -> list[float]:
    """Proportional set size of each process; pages shared by n processes count one n-th each."""
    return [psutil.Process(pid).memory_full_info().pss / 2**20 for pid in pids]


@dataclass(frozen=True, slots=True)
class Watch:
    """The state of the processors at one moment; `foreign` compares two."""

    at: float
    busy: float
    own: float
    loop: float

    @classmethod
    def now(cls) -> "Watch":
        loop = cpu_loop()
        times = psutil.cpu_times()
        busy = sum(times) - times.idle - times.iowait - times.guest - times.guest_nice
        return cls(time.perf_counter(), busy, cpu_seconds(tree(os.getpid())), loop)

    def foreign(self, later: "Watch") -> float:
        """Share of the machine that others used between the two moments."""
        seconds = (later.at - self.at) * CORES
        return max(0.0, (later.busy - self.busy) - (later.own - self.own)) / seconds

    def drift(self, later: "Watch") -> float:
        """By what share the fixed work took longer at one end than at the other."""
        return max(self.loop, later.loop) / min(self.loop, later.loop) - 1
