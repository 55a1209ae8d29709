"""W0: what the machine can do at most, the denominators of everything else."""

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.load import closed_loop
from benchmarks.machine import cpu_loop, tree
from benchmarks.service import Server, free_port

CLIENTS = 16
_TABLE = "CREATE TABLE floor (id bigserial PRIMARY KEY, key uuid, text text, more jsonb)"
# About as much text as an accepted enrollment, its audit event and its kept answer have.
_ROWS = """INSERT INTO floor (key, text, more)
SELECT gen_random_uuid(), repeat('x', 400), '{}' FROM generate_series(1, 3);
"""
_REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class FloorError(Exception):
    """A floor could not be taken."""


class CommitFloor:
    """Three rows in one statement and one commit, from 16 clients of pgbench."""

    def __init__(self, server: Server, directory: Path) -> None:
        self._server = server
        self._script = directory / "floor.sql"

    async def prepare(self) -> None:
        """Make the table and the script."""
        self._script.write_text(_ROWS)
        connection = await self._server.connect("postgres")
        try:
            await connection.execute(_TABLE)
        finally:
            await connection.close()

    async def measure(self, seconds: int) -> float:
        """Commits a second."""
        options = ["-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "1", "-T", str(seconds)]
        pgbench = await asyncio.create_subprocess_exec(
            str(self._server.binaries / "pgbench"),
            *options,
            *("-f", str(self._script), "postgres"),
            env={"PGHOST": str(self._server.socket_directory), "PGUSER": "scm", "PATH": os.defpath},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, failed = await pgbench.communicate()
        found = re.search(rb"tps = ([0-9.]+)", said)
        if found is None:
            raise FloorError(f"pgbench: {failed.decode()[-500:]}")
        return float(found[1])


@asynccontextmanager
async def asgi_floor() -> AsyncIterator[tuple[int, list[int]]]:
    """One uvicorn process whose application only answers: its port and process ids."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "benchmarks.floors:answer"),
        *("--port", str(port), "--no-access-log", "--log-level", "warning", "--lifespan", "off"),
    )
    try:
        await _listening(port)
        yield port, tree(process.pid)
    finally:
        process.terminate()
        await process.wait()


async def _listening(port: int) -> None:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise FloorError("the plain ASGI application does not listen")


async def answer(_scope: object, _receive: object, send: object) -> None:
    """The least an ASGI application can do."""
    assert callable(send)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


async def asgi_rate(port: int, pids: list[int], seconds: float) -> float:
    """Answers a second of the plain application to 16 clients."""
    load = await closed_loop(
        port, CLIENTS, lambda: _REQUEST, expected=200, seconds=seconds, watched=pids
    )
    return load.rate


async def sign_rate(seconds: float) -> float:
    """P-256 signatures a second on one core."""
    key, algorithm = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(hashes.SHA256())
    count, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        key.sign(b"to be signed", algorithm)
        count += 1
    return count / passed


async def loop_rate() -> float:
    """Passes a second of the fixed work that tells whether the machine changed its speed."""
    return 1 / cpu_loop()
