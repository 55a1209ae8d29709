"""Time that also passes while the process or the whole machine stands still."""

import asyncio
import os
import time

from scm_api.logger import get_logger

_log = get_logger(__name__)
EXIT_PAUSED = 70


def boottime() -> float:
    """Seconds since boot, suspended or not; `time.monotonic` stands still with the machine."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


async def exit_when_paused(lease_seconds: float) -> None:
    """End this process once it slept past its leases: others have taken over its work.

    A frozen worker that wakes must not go on where it stopped; restarting it is the supervisor's
    part. Leaves at once and without clean-up, since clean-up would write.
    """
    interval = lease_seconds / 10
    before = boottime()
    while True:
        await asyncio.sleep(interval)
        now = boottime()
        if now - before > lease_seconds:
            _log.critical("paused past the lease, leaving", seconds=round(now - before, 1))
            os._exit(EXIT_PAUSED)
        before = now
