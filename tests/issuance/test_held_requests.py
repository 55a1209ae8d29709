"""`Prefer: wait` and the process that holds the answer."""

import asyncio
import signal
import time

import httpx
from sqlalchemy import text

from plain_http import NO_TRUST
from processes import command, free_port, started, until
from scm_api.db.session import Database
from settlement import Enrolling

_WAIT = 30.0  # seconds
_LISTENING = text("""
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND query LIKE 'LISTEN%'
""")


async def _held(database: Database) -> None:
    for _ in range(600):
        async with database.transaction() as session:
            if await session.scalar(_LISTENING):
                return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody listens")


async def test_a_held_request_is_answered_when_its_process_is_told_to_end(
    enrolling: Enrolling, environment: dict[str, str], database: Database
) -> None:
    made = await enrolling.enroll("www.example.com")  # no worker runs, so it stays as it is
    port = free_port()
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers={**enrolling.api.http.headers, "Prefer": f"wait={_WAIT:.0f}"},
        verify=NO_TRUST,
        timeout=2 * _WAIT,
    ) as client:
        with started(command("serve"), environment | {"SCM_PORT": str(port)}) as process:
            await until(lambda: _answers(port), "the API listens")
            held = asyncio.create_task(client.get(f"/enrollments/{made['id']}"))
            await _held(database)
            began = time.monotonic()
            process.send(signal.SIGTERM)
            answer = await held
            assert await process.ended() == 0
    assert (answer.status_code, answer.json()["state"]) == (200, made["state"])
    assert time.monotonic() - began < _WAIT / 3  # uvicorn's grace is half of it


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", verify=NO_TRUST).is_success
    except httpx.TransportError:
        return False
