"""Named points at which a test may have this process die or freeze; nothing otherwise."""

import os
import signal
from enum import StrEnum

from scm_api.settings import Settings


class Point(StrEnum):
    """Moments around a call to a CA after which a crash would be most telling."""

    BEFORE_SEND = "before_send"
    AFTER_SEND = "after_send"
    AFTER_REPLY = "after_reply"
    BEFORE_COMMIT = "before_commit"
    AFTER_COMMIT = "after_commit"


class CrashPoints:
    """Counts passes and sends this process SIGKILL or SIGSTOP at the configured one."""

    def __init__(self, settings: Settings) -> None:
        self._target = settings.test_crash_point
        self._signal = signal.SIGSTOP if settings.test_crash_signal == "stop" else signal.SIGKILL
        self._passes = 0

    def passing(self, point: Point) -> None:
        """Die here if this is the configured pass of the configured point."""
        if self._target is None or self._target.name != point:
            return
        self._passes += 1
        if self._passes == self._target.nth:
            os.kill(os.getpid(), self._signal)
