"""The real service as separate processes, on a database of its own."""

import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import asyncpg
import httpx
import psutil
from sqlalchemy.engine import make_url

from benchmarks.machine import tree
from benchmarks.provisioning import Prepared, prepare
from scm_api.db.embedded import EmbeddedPostgres
from scm_api.db.embedded.place import settle

_START_SECONDS = 60.0


class StartError(Exception):
    """A process of the service did not come up; the text holds its last words."""


@dataclass(frozen=True, slots=True)
class Server:
    """The embedded PostgreSQL with the settings it has in production."""

    directory: Path
    url: str

    @property
    def binaries(self) -> Path:
        """Where `pgbench` and `psql` are."""
        return settle(self.directory).binaries

    @property
    def log(self) -> Path:
        """The server's log."""
        return settle(self.directory).home / "postgres.log"

    @property
    def socket_directory(self) -> Path:
        """What `PGHOST` takes."""
        return settle(self.directory).run

    async def connect(self, database: str) -> asyncpg.Connection:
        """A connection of the benchmark itself."""
        url = make_url(self.url).set(drivername="postgresql", database=database)
        return await asyncpg.connect(url.render_as_string(hide_password=False))

    async def create_database(self, name: str) -> str:
        """A fresh database; returns its SQLAlchemy URL."""
        connection = await self.connect("postgres")
        try:
            await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def postgres(directory: Path) -> Iterator[Server]:
    """Run the embedded PostgreSQL as `serve` does, commits reaching the disk."""
    with ExitStack() as opened:
        server = EmbeddedPostgres(directory)
        opened.callback(server.stop)
        yield Server(directory, server.start())


@dataclass(frozen=True, slots=True)
class Process:
    """One process of ours, listening on `port` unless it is a worker."""

    popen: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def pids(self) -> list[int]:
        """The process and its children."""
        return tree(self.popen.pid)

    def connections_by_process(self) -> list[int]:
        """How many connections to the port each process of the tree holds."""
        counts = [
            sum(
                connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == self.port
                for connection in psutil.Process(pid).net_connections("tcp")
            )
            for pid in self.pids
        ]
        return [count for count in counts if count]


class Service:
    """Starts the processes of one installation and ends them with the block.

    Settings are the defaults, with logs to files and without a limit to what one key may ask for.
    """

    def __init__(self, directory: Path, database_url: str) -> None:
        key = base64.b64encode(os.urandom(32)).decode()
        self._directory = directory
        self._stack = ExitStack()
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("SCM_")
        } | {
            "SCM_DATABASE_URL": database_url,
            "SCM_SECRET_KEYS": f"benchmark:{key}",
            "SCM_DATA_DIRECTORY": str(directory),
            "SCM_ALLOW_LOOPBACK_ENDPOINTS": "true",
            "SCM_RATE_LIMIT_PER_SECOND": "0",
        }

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._run("migrate")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def api(self, processes: int) -> Process:
        """Start API processes behind one port and wait until they are ready."""
        port = free_port()
        settings = {"SCM_PORT": str(port), "SCM_API_PROCESSES": str(processes)}
        process = self._start(f"api-{processes}", ["serve"], port, settings)
        _wait_for(process, f"http://127.0.0.1:{port}/health/ready")
        if processes > 1:
            _wait_for_children(process, processes)
        return process

    def worker(self) -> Process:
        """Start a worker."""
        return self._start("worker", ["worker"], 0, {})

    def simulator(self) -> Process:
        """Start the AWS simulator without quotas; certificates are ready at the first look."""
        port = free_port()
        state = str(self._directory / "aws")
        options = ["--port", str(port), "--state", state, "--no-quotas", "--pending-gets", "0"]
        process = self._start("simulator", ["sandbox", "aws", *options], port, {})
        _wait_for(process, f"http://127.0.0.1:{port}/_sandbox")
        return process

    def prepare(self, api: Process, simulator: Process) -> Prepared:
        """An admin, and everything an enrollment refers to, through the REST API."""
        names = ["--email", "bench@example.com", "--name", "Benchmark"]
        key = self._run("admin", "create", *names).split()[-1]
        address = f"http://127.0.0.1:{api.port}"
        return prepare(address, key, f"http://127.0.0.1:{simulator.port}")

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "scm_api", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StartError(f"scm-api {' '.join(arguments)}: {done.stderr[-2000:]}")
        return done.stdout

    def _start(
        self, name: str, arguments: Sequence[str], port: int, settings: dict[str, str]
    ) -> Process:
        log = self._directory / f"{name}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", "scm_api", *arguments],
                env=self._environment | settings,
                stdout=output,
                stderr=output,
            )
        self._stack.callback(_end, popen)
        return Process(popen, port, log)


def _end(popen: subprocess.Popen[bytes]) -> None:
    popen.terminate()
    try:
        popen.wait(30)
    except subprocess.TimeoutExpired:
        popen.kill()
        popen.wait()


def free_port() -> int:
    """A TCP port nobody uses just now."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port: int = chosen.getsockname()[1]
    return port


def _wait_for(process: Process, address: str) -> None:
    ends = time.monotonic() + _START_SECONDS
    while time.monotonic() < ends:
        if process.popen.poll() is not None:
            break
        try:
            if httpx.get(address, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.02)
    raise StartError(f"{address} does not answer.\n{process.log.read_text()[-2000:]}")


def _wait_for_children(process: Process, count: int) -> None:
    """The first process to listen answers for all; the others need a moment more."""
    ends = time.monotonic() + _START_SECONDS
    while time.monotonic() < ends:
        if _listeners(process) >= count:
            return
        time.sleep(0.1)
    raise StartError(f"{count} processes should listen.\n{process.log.read_text()[-2000:]}")


def _listeners(process: Process) -> int:
    return sum(
        connection.status == psutil.CONN_LISTEN and connection.laddr.port == process.port
        for pid in process.pids
        for connection in psutil.Process(pid).net_connections("tcp")
    )
