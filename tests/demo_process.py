"""`scm-api demo` as a person starts it, in a directory of its own.

What is to stay up is forked from the nursery, as other processes of the service are.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from processes import ServiceProcess, command, free_port

PATIENCE = 180  # seconds; a start takes about half a minute on a machine that is not busy


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo in `directory`, which holds its `demo` folder, and the ports it uses."""

    directory: Path
    port: int
    sandbox_port: int

    @classmethod
    def in_directory(cls, directory: Path) -> "Demo":
        """On two free ports."""
        return cls(directory, free_port(), free_port())

    @property
    def folder(self) -> Path:
        return self.directory / "demo"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def key(self) -> str:
        return (self.folder / "api-key").read_text().strip()

    @property
    def output(self) -> str:
        """What it printed since its last start that was not `once`."""
        return (self.directory / "output").read_text()

    def once(self) -> subprocess.CompletedProcess[str]:
        """Start it from nothing, have it do its job and end."""
        return subprocess.run(
            [sys.executable, "-m", "scm_api", "demo", *self.ports, "--once"],
            cwd=self.directory,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    @contextmanager
    def staying(self) -> Iterator[ServiceProcess]:
        """Start it; Ctrl-C ends it after the block, if nothing did before."""
        start = command("demo", *self.ports, "--directory", str(self.folder))
        process = ServiceProcess(start, environment(), self.directory / "output")
        try:
            yield process
        finally:
            process.send(signal.SIGINT)
            process.wait(PATIENCE)

    def wait_for(self, text: str, process: ServiceProcess) -> None:
        """Wait until it printed this; fails when it ends before."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.output:
            assert process.exit_code is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    @property
    def ports(self) -> tuple[str, ...]:
        """They as arguments of the command."""
        return ("--port", str(self.port), "--sandbox-port", str(self.sandbox_port))


def environment() -> dict[str, str]:
    """Without what surrounds the test, but with settings the demo must not mind."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCM_")}
    return kept | {
        "SCM_PORT": "1",
        "SCM_DATABASE_URL": "postgresql://nobody@192.0.2.1/nothing",
        "AWS_PROFILE": "somebody-else",
        "HTTP_PROXY": "http://192.0.2.1:3128",
        "COLUMNS": "200",
    }
