"""Processes of the service as tests start, freeze and kill them.

They are forked from the nursery; apart from that they run the very commands an operator runs, as
`python -m scm_api` would.
"""

import asyncio
import os
import random
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from nursery import Forked
from scm_api.worker.clock import EXIT_PAUSED

PATIENCE = 90.0  # seconds; only a test that fails waits that long


class ServiceProcess:
    """One process running `work` under `environment`, its output in the file `log`.

    What it writes to standard error is there too, or in the file `errors`.
    """

    def __init__(
        self,
        work: Callable[[], None],
        environment: Mapping[str, str],
        log: Path,
        errors: Path | None = None,
    ) -> None:
        self.log = log
        self.errors = errors or log
        self.log.touch()
        self.errors.touch()
        self._arguments = (work, dict(environment), log, self.errors)
        self._start()

    def _start(self) -> None:
        self._process = Forked(partial(_run, *self._arguments))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it lives; minus the signal's number when one ended it."""
        return self._process.exit_code()

    @property
    def is_frozen(self) -> bool:
        """Whether SIGSTOP has taken effect."""
        if self.exit_code is not None:
            return False
        return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens if the process has ended."""
        if self.exit_code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, patience: float = PATIENCE) -> int:
        """Like `ended`, where no event loop runs."""
        code = self._process.exit_code(patience)
        assert code is not None, f"waited {patience:g} s in vain: {self.log.stem} ends"
        return code

    async def ended(self) -> int:
        """Wait for the process to end; returns its exit code."""
        await until(lambda: self.exit_code is not None, f"{self.log.stem} ends")
        assert self.exit_code is not None
        return self.exit_code

    async def crashed(self) -> int:
        """Like `ended`, for a process that is going to die at its crash point."""
        await until(lambda: self.go_on() and self.exit_code is not None, f"{self.log.stem} dies")
        assert self.exit_code is not None
        return self.exit_code

    async def frozen(self) -> None:
        """Wait until the process stands still at its crash point."""
        await until(lambda: self.go_on() and self.is_frozen, f"{self.log.stem} freezes")

    def go_on(self) -> bool:
        """Start it again if it left because the machine stood still past its lease."""
        if self.exit_code == EXIT_PAUSED:
            self._start()
        return True

    def first_line(self, patience: float = PATIENCE) -> str:
        """Wait for its first line of output; empty if it ends without one."""
        deadline = time.monotonic() + patience
        while self.exit_code is None and "\n" not in self.log.read_text():
            assert time.monotonic() < deadline, f"waited {patience:g} s in vain for a line"
            time.sleep(0.01)
        return self.log.read_text().partition("\n")[0]

    def close(self) -> None:
        """End it now, frozen or not."""
        self.send(signal.SIGKILL)
        self.wait()


def command(*arguments: str) -> Callable[[], None]:
    """Work for a process: the `scm-api` command with these arguments."""
    return partial(_command, arguments)


def fresh(*arguments: str) -> Callable[[], None]:
    """The same command from an interpreter that has imported nothing yet."""
    return partial(os.execv, sys.executable, [sys.executable, "-m", "scm_api", *arguments])


@contextmanager
def started(work: Callable[[], None], environment: Mapping[str, str]) -> Iterator[ServiceProcess]:
    """A process with a file for its output and one for its errors, ended in any case."""
    with TemporaryDirectory(prefix="scm-process-") as directory:
        log = Path(directory, "stdout")
        process = ServiceProcess(work, environment, log, Path(directory, "stderr"))
        try:
            yield process
        finally:
            process.close()


def finished(
    work: Callable[[], None], environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """What a process did that ends by itself."""
    with started(work, environment) as process:
        code = process.wait()
        output, errors = process.log.read_text(), process.errors.read_text()
    return subprocess.CompletedProcess((), code, output, errors)


def free_port() -> int:
    """A port on which nobody listens, none of those that the kernel gives to connections: one of
    another test would take it before who asked for it listens."""
    given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, max(given, 20_000))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


async def until(
    holds: Callable[[], bool], what: str, patience: float = PATIENCE, every: float = 0.02
) -> None:
    """Return once `holds()` is true; fails when that takes unreasonably long."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, f"waited {patience:g} s in vain: {what}"
        await asyncio.sleep(every)


def _command(arguments: tuple[str, ...]) -> None:
    sys.argv = ["scm-api", *arguments]
    runpy.run_module("scm_api", run_name="__main__", alter_sys=True)


def _run(work: Callable[[], None], environment: dict[str, str], log: Path, errors: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for path, stream in ((log, sys.stdout), (errors, sys.stderr)):
        with path.open("ab") as output:
            os.dup2(output.fileno(), stream.fileno())
    work()
