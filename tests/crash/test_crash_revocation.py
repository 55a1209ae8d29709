"""The same points around a revocation: it is asked for once, and done when the CA did it."""

import asyncio
import signal

from stage import LEASE, OpenStage, Stage, side_by_side

from scm_api.db.models import Certificate
from scm_api.worker.clock import EXIT_PAUSED

# Where the revoking worker stops, and what the certificate's revocation is until another comes.
POINTS = [
    ("before_send:1", "requested"),
    ("after_reply:1", "requested"),
    ("before_commit:1", "requested"),
    ("after_commit:1", "done"),
]


async def issued(stage: Stage) -> Certificate:
    """A certificate, issued by a worker that is gone."""
    worker = stage.worker()
    enrollment_id = await stage.client.enroll()
    await stage.at_rest()
    worker.send(signal.SIGTERM)
    certificate = await stage.certificate_of(enrollment_id)
    assert certificate is not None
    assert await worker.ended() == 0
    return certificate


async def state_of(stage: Stage, certificate: Certificate) -> str | None:
    current = await stage.certificate_of(certificate.enrollment_id)
    assert current is not None
    return current.revocation_state


async def taken_over(stage: Stage, certificate: Certificate) -> None:
    """A second worker ends what the first began, and the CA was made to revoke once."""
    stage.worker()
    await stage.at_rest()
    assert await state_of(stage, certificate) == "done"
    assert len(stage.simulator.ledger("revocation")) == 1
    await stage.story_holds()


async def test_f03_killed_while_revoking(open_stage: OpenStage) -> None:
    async def scene(stage: Stage, point: str, state: str) -> None:
        certificate = await issued(stage)
        dying = stage.worker(point)
        await stage.client.revoke(str(certificate.id))
        assert await dying.crashed() == -signal.SIGKILL
        assert await state_of(stage, certificate) == state
        await stage.story_holds()
        await taken_over(stage, certificate)

    await side_by_side(open_stage, scene, POINTS)


async def test_f17_frozen_while_revoking(open_stage: OpenStage) -> None:
    async def scene(stage: Stage, point: str, state: str) -> None:
        certificate = await issued(stage)
        freezing = stage.worker(point, "stop")
        await stage.client.revoke(str(certificate.id))
        await freezing.frozen()
        past_the_lease = asyncio.create_task(asyncio.sleep(1.2 * LEASE))
        assert await state_of(stage, certificate) == state
        await taken_over(stage, certificate)
        await past_the_lease

        freezing.send(signal.SIGCONT)
        assert await freezing.ended() == EXIT_PAUSED
        await stage.story_holds()

    await side_by_side(open_stage, scene, POINTS)


async def test_f21_the_answer_to_a_revocation_is_lost(stage: Stage) -> None:
    stage.worker()
    enrollments = await stage.client.enroll_many(3)
    await stage.at_rest()
    for lost in ("close", "reset", "hang"):
        stage.simulator.fault("RevokeCertificate", lost, when="after")
    for enrollment_id in enrollments:
        certificate = await stage.certificate_of(enrollment_id)
        assert certificate is not None
        await stage.client.revoke(str(certificate.id))
    await stage.at_rest()
    assert stage.struck("RevokeCertificate") == 3
    assert len(stage.simulator.ledger("revocation")) == 3
    await stage.story_holds()
