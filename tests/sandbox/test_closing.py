"""A simulator that was closed writes nothing and does nothing any more."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from made_states import made_state
from processes import until
from scm_api.sandbox import digicert, entrust, microsoft
from scm_api.sandbox.faults import Fault

Start = Callable[[Path], Awaitable[Any]]
SIMULATORS: dict[str, tuple[Start, str]] = {
    "digicert": (lambda state: digicert.serve(digicert.Settings(state)), "/organization"),
    "entrust": (
        lambda state: entrust.serve(entrust.Settings(state)),
        "/enterprise/v2/organizations",
    ),
    "microsoft": (lambda state: microsoft.serve(microsoft.Settings(state)), "/certsrv"),
}
OPERATIONS = ("*", "authenticate")  # the second is the first step of those that have steps
UNVERIFIED = ssl._create_unverified_context()


@pytest.mark.parametrize("ca", SIMULATORS)
async def test_what_hangs_ends_though_nobody_waits_for_it(ca: str, tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    start, path = SIMULATORS[ca]
    server = await start(made_state(ca, tmp_path))
    faults = server.simulator.faults
    for operation in OPERATIONS:
        faults.add(Fault(operation=operation, action="hang"))
    async with httpx.AsyncClient(verify=UNVERIFIED, trust_env=False) as client:
        asked = asyncio.create_task(client.get(server.url + path))
        await until(lambda: len(faults._queue) < len(OPERATIONS), "it hangs")
        asked.cancel()
    await server.aclose()
    assert asyncio.all_tasks() - {asked} == before
