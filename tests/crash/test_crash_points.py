"""A worker dies or freezes at each point around a call to the CA, and another takes over."""

import signal

import pytest
from stage import Stage


@pytest.mark.parametrize("how", ["kill", "stop"])
@pytest.mark.parametrize("point", ["before_send:1", "after_reply:1", "before_commit:1", "after_commit:1", "before_send:2", "after_reply:2", "before_commit:2", "after_commit:2"])
async def test_x(stage: Stage, point: str, how) -> None:
    first = stage.worker(point, how)
    enrollment_id = await stage.client.enroll()
    if how == "kill":
        assert await first.ended() == -signal.SIGKILL
    else:
        await first.frozen()
    stage.worker()
    await stage.at_rest()
    if how == "stop":
        first.send(signal.SIGCONT)
        print(await first.ended())
    await stage.story_holds()
    assert (await stage.row(enrollment_id)).state == "issued"
