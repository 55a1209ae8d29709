"""`Prefer: wait` and the process that holds the answer."""

import asyncio
import signal
import time

import httpx
import pytest
from looking import somebody_waits

from plain_http import NO_TRUST
from processes import command, free_port, started, until
from scm_api.db.session import Database
from settlement import Enrolling

_WAIT = 30.0  # seconds


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
            await somebody_waits(database)
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


@pytest.mark.parametrize(
    ("asked", "applied"),
    [
        (["wait=99999"], "wait=30"),
        (["wait=" + "9" * 5_000], "wait=30"),
        (["respond-async", 'handling=lenient, WAIT = "007"; by=me, wait=9'], "wait=7"),
        (["other; wait=10"], None),
        (["wait=0"], None),
        (["wait=-1, wait=soon"], None),
    ],
)
async def test_how_long_is_waited_at_most_is_told(
    enrolling: Enrolling, asked: list[str], applied: str | None
) -> None:
    path = f"/enrollments/{(await enrolling.enroll('www.example.com'))['id']}"
    headers = [("Prefer", each) for each in asked]
    api = enrolling.api
    canceled = await api.send("POST", f"{path}/cancel", 200, json={}, headers=headers)
    read = await api.send("GET", path, 200, headers=headers)
    told = [answer.headers.get("preference-applied") for answer in (canceled, read)]
    assert told == [applied, applied]
