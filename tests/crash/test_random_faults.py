"""Workers killed and frozen, answers dropped, all at random from a seed that is printed."""

import asyncio
import os
import random
import signal
import time

from stage import LEASE, Stage

from processes import ServiceProcess

SECONDS, WORKERS, ENROLLMENTS = 7.0, 3, 40
LOST = ("close", "reset", "hang")


async def test_no_order_is_doubled_and_no_job_lost_whatever_dies(stage: Stage) -> None:
    seed = int(os.environ.get("CRASH_SEED") or random.randrange(10**9))
    print(f"CRASH_SEED={seed} repeats this run's choices")  # noqa: T201 -- shown with a failure
    chance = random.Random(seed)
    over = time.monotonic() + SECONDS
    stage.simulator.behave(latency={"distribution": "lognormal", "ms": 30, "seed": seed})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_enroll(stage, chance))
        tasks.create_task(_revoke(stage, chance, over))
        tasks.create_task(_lose_answers(stage, chance, over))
        for _ in range(WORKERS):
            tasks.create_task(_torment(stage, chance, over))
    stage.simulator.heal()
    stage.worker()
    await stage.at_rest()
    await stage.story_holds()


async def _enroll(stage: Stage, chance: random.Random) -> None:
    for _ in range(ENROLLMENTS):
        await stage.client.enroll()
        await asyncio.sleep(0.5 * SECONDS / ENROLLMENTS * chance.random())


async def _revoke(stage: Stage, chance: random.Random, over: float) -> None:
    """Looks at some enrollment, and has its certificate revoked if there is one."""
    while time.monotonic() < over:
        await asyncio.sleep(0.2 * chance.random())
        if known := list(stage.client.log.keys):
            seen = await stage.client.look(chance.choice(known))
            if seen["state"] == "issued":
                await stage.client.revoke(seen["certificate_id"])


async def _lose_answers(stage: Stage, chance: random.Random, over: float) -> None:
    while time.monotonic() < over:
        operation = chance.choice(("IssueCertificate", "GetCertificate", "RevokeCertificate"))
        when = chance.choice(("before", "after"))
        stage.simulator.fault(operation, chance.choice(LOST), when=when)
        await asyncio.sleep(0.6 * chance.random())


async def _torment(stage: Stage, chance: random.Random, over: float) -> None:
    """Keeps one worker running, and kills it or freezes it for a while, again and again."""
    worker = stage.worker()
    while time.monotonic() < over:
        await asyncio.sleep(1 + 2 * chance.random())
        if chance.random() < 0.5:
            worker.send(signal.SIGKILL)
            await worker.ended()
        else:
            await _freeze(worker, LEASE * (0.5 + chance.random()))
        if worker.exit_code is not None:
            worker = stage.worker()
    worker.send(signal.SIGTERM)
    await worker.ended()


async def _freeze(worker: ServiceProcess, seconds: float) -> None:
    worker.send(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    worker.send(signal.SIGCONT)
    await asyncio.sleep(0.1)
