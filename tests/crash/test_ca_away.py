"""F04, F07, F41: the CA is away or refuses us; enrollments wait and go on by themselves."""

import asyncio
import signal
from contextlib import closing
from pathlib import Path
from uuid import UUID

import httpx
from client import Client
from stage import Stage, eventually

from api_client import Api
from estate import Chain, Estate
from plain_http import NO_TRUST
from processes import ServiceProcess, command, free_port
from scm_api.db.session import Database
from simulator import Simulator


async def answers(url: str) -> None:
    """Wait until a simulator listens there."""

    async def listens() -> bool:
        async with httpx.AsyncClient(verify=NO_TRUST, trust_env=False) as http:
            try:
                return (await http.get(f"{url}/_sandbox")).is_success
            except httpx.TransportError:
                return False

    await eventually(listens, f"a simulator answers at {url}")


async def test_f04_orders_wait_for_a_ca_that_is_away(
    api: Api, estate: Estate, database: Database, environment: dict[str, str], tmp_path: Path
) -> None:
    """Its connections are refused, so nothing was sent; the CA is a process that was killed."""
    port, state = free_port(), tmp_path / "ca"
    run_ca = command("sandbox", "aws", "--port", f"{port}", "--state", f"{state}")
    estate.aws_url = f"http://127.0.0.1:{port}"
    ca = Simulator(estate.aws_url)
    with closing(ServiceProcess(run_ca, environment, tmp_path / "ca.log")) as running:
        await answers(ca.url)
        chain = await estate.chain()
        running.send(signal.SIGKILL)
        await running.ended()
    client = Client(api.http, chain)
    with closing(Stage(client, ca, database, environment, tmp_path)) as stage:
        stage.worker()
        enrollments = await stage.client.enroll_many(3)
        for enrollment_id in enrollments:
            await stage.waits_for(enrollment_id, "ca-unavailable")
        await stage.backend_is("offline")
        shown = await api.get(f"/ca-backends/{chain.ca_backend['id']}")
        assert shown["status"] == "offline"
        for enrollment_id in enrollments:
            await _nothing_sent(stage, enrollment_id)

        stage.start(run_ca, "ca")
        await answers(ca.url)
        await api.post(f"/ca-backends/{chain.ca_backend['id']}/check", status=200)
        await stage.at_rest()
        for enrollment_id in enrollments:
            assert (await stage.row(enrollment_id)).state == "issued"
            assert stage.orders(enrollment_id) == 1
        await stage.story_holds()


async def test_f41_orders_wait_until_refused_credentials_are_replaced(
    stage: Stage, estate: Estate, chain: Chain
) -> None:
    local = chain.local_ca_backend
    path = f"/connectors/{chain.connector['id']}/local-ca-backends/{local['id']}"
    good = estate.connection()["secrets"]
    await estate.api.patch(path, {"secrets": good | {"secret_access_key": "x" * 40}})
    stage.worker()
    enrollments = await stage.client.enroll_many(8)
    for enrollment_id in enrollments:
        await stage.waits_for(enrollment_id, "backend-refused")
    await stage.backend_is("refused")
    assert not stage.simulator.ledger()
    asked = len(stage.simulator.calls())

    later = await stage.client.enroll()
    await stage.waits_for(later, "backend-refused")
    assert len(stage.simulator.calls()) == asked
    await estate.api.patch(path, {"secrets": good})
    await estate.api.post(f"/ca-backends/{chain.ca_backend['id']}/check", status=200)
    await stage.at_rest()
    for enrollment_id in stage.client.log.keys:
        assert (await stage.row(enrollment_id)).state == "issued"
    await stage.story_holds()


async def _nothing_sent(stage: Stage, enrollment_id: UUID) -> None:
    """Between two tries the attempt says that nothing can have reached the CA."""
    for _ in range(400):
        (attempt,) = await stage.attempts(enrollment_id)
        if attempt.first_sent_at is None:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the attempt still says that something may have been sent")
