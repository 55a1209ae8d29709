"""The demo's child processes: their ports, their logs, and that none outlives the demo."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

HOST = "127.0.0.1"
_PATIENCE = 60  # seconds until a child must answer; on a busy machine start-up takes several
_GRACE = 10  # seconds from SIGTERM to SIGKILL


class DemoError(Exception):
    """The demo cannot go on; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Child:
    """One process of the demo."""

    title: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def require_alive(self) -> None:
        """Raises DemoError with the child's last words when it has ended."""
        if self.process.poll() is not None:
            lines = self.log.read_text(errors="replace").strip().splitlines()
            last = lines[-1] if lines else "It said nothing."
            raise DemoError(f"The {self.title} ended: {last}\nIts log is {self.log}.")


class Children:
    """Starts `scm-api` commands that end with this process, and ends them earlier if asked."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._environment = dict(environment)
        self._children: list[Child] = []

    def start(self, title: str, *arguments: str) -> Child:
        """Start `scm-api ARGUMENTS...`; its log holds what it says from this start on."""
        log = self._logs / f"{title.replace(' ', '-').lower()}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "scm_api.demo.child", *arguments],
                stdin=subprocess.PIPE,  # its other end is what the child lives by
                stdout=output,
                stderr=output,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for the demo, which ends them in order
            )
        child = Child(title, process, log)
        self._children.append(child)
        return child

    def require_alive(self) -> None:
        """Raises DemoError when a child has ended."""
        for child in self._children:
            child.require_alive()

    def stop(self) -> None:
        """End all of them: politely, then surely."""
        for child in self._children:
            with suppress(ProcessLookupError):
                child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _GRACE
        for child in self._children:
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()


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
