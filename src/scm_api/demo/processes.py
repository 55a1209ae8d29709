"""The demo's child processes: their ports, their logs, and that none outlives the demo."""

import fcntl
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx

from scm_api.demo import child

HOST = "127.0.0.1"
_PATIENCE = 60  # seconds until a child must answer; on a busy machine start-up takes several
_GRACE = 10  # seconds from SIGTERM to SIGKILL
# Forked from one process that imported what they need: to import it in each takes seconds.
_forked = get_context("forkserver")
_forked.set_forkserver_preload(
    [
        "scm_api.cli",
        "scm_api.app",
        "scm_api.serving",
        "scm_api.worker",
        *(f"scm_api.sandbox.{ca}" for ca in ("aws", "digicert", "entrust", "gcp", "microsoft")),
    ]
)


class DemoError(Exception):
    """The demo cannot go on; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Child:
    """One process of the demo."""

    title: str
    process: ForkServerProcess
    log: Path

    def require_alive(self) -> None:
        """Raises DemoError with the child's last words when it has ended."""
        if self.process.exitcode is not None:
            lines = self.log.read_text(errors="replace").strip().splitlines()
            last = lines[-1] if lines else "It said nothing."
            raise DemoError(f"The {self.title} ended: {last}\nIts log is {self.log}.")


class Children:
    """Starts `scm-api` commands that end with this process, and ends them earlier if asked."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        forkserver.ensure_running()  # the imports go on beside what is done until the first start
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._environment = dict(environment)
        self._children: list[Child] = []

    def start(self, title: str, *arguments: str) -> Child:
        """Start `scm-api ARGUMENTS...`; its log holds what it says from this start on."""
        log = self._logs / f"{title.replace(' ', '-').lower()}.log"
        work = (arguments, self._environment, log)
        process = _forked.Process(target=child.run, args=work, daemon=True)
        process.start()
        self._children.append(Child(title, process, log))
        return self._children[-1]

    def require_alive(self) -> None:
        """Raises DemoError when a child has ended."""
        for each in self._children:
            each.require_alive()

    def stop(self) -> None:
        """End all of them: politely, then surely."""
        for each in self._children:
            each.process.terminate()
        deadline = time.monotonic() + _GRACE
        for each in self._children:
            each.process.join(max(0.1, deadline - time.monotonic()))
            each.process.kill()


def wait_until_ready(child: Child, url: str) -> None:
    """Return when `url` answers 200; raises DemoError when the child ends or stays silent."""
    deadline = time.monotonic() + _PATIENCE
    with httpx.Client(timeout=5, trust_env=False) as client:
        while time.monotonic() < deadline:
            child.require_alive()
            with suppress(httpx.TransportError):
                if client.get(url).status_code == httpx.codes.OK:
                    return
            time.sleep(0.05)
    raise DemoError(
        f"The {child.title} does not answer after {_PATIENCE} seconds. Its log is {child.log}."
    )


def hold(directory: Path) -> int:
    """An open file that keeps other demos out of `directory` while it is open: two would write over
    each other's logs. Raises DemoError when one is running there."""
    held = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(held)
        raise DemoError(
            f"A demo is running in {directory} already. Use that one, or end it with Ctrl-C. For "
            "another beside it: .venv/bin/scm-api demo --directory demo-2 --port 8002 "
            "--sandbox-port 4012"
        ) from error
    return held


def require_free(port: int, variable: str) -> None:
    """Raises DemoError when somebody listens on `port`; `variable` chooses another for make."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise DemoError(
                f"{HOST} port {port} cannot be used: {error.strerror}. Stop the program that has "
                f"it, or choose another port: make demo {variable}={port + 1}"
            ) from error


def environment(data: Path, port: int) -> dict[str, str]:
    """What the children run with: the demo's settings, and none that happen to be set here."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("SCM_", "AWS_"))
    }
    return kept | {
        "SCM_DATA_DIRECTORY": str(data),
        "SCM_HOST": HOST,
        "SCM_PORT": str(port),
        "SCM_LOG_FORMAT": "console",
        "SCM_ALLOW_LOOPBACK_ENDPOINTS": "true",  # the simulator is on this machine
        "SCM_LIVE_EXAMPLES": "true",
        "NO_PROXY": HOST,
        "no_proxy": HOST,
    }
