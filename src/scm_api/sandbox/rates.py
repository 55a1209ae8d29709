"""How often each caller called lately, against limits over sliding windows."""

import time
from collections import deque
from collections.abc import Sequence


class Rates:
    """The calls of each caller. A limit is how many calls there may be within so many seconds."""

    def __init__(self) -> None:
        self._called: dict[str, deque[float]] = {}

    def exceeded(
        self, caller: str, limits: Sequence[tuple[int, float]]
    ) -> tuple[int, float] | None:
        """Count one call; or the limit it would be over, and then it is not counted."""
        called, now = self._called.setdefault(caller, deque()), time.monotonic()
        longest = max((seconds for _, seconds in limits), default=0)
        while called and called[0] <= now - longest:
            called.popleft()
        for most, seconds in limits:
            if sum(at > now - seconds for at in called) >= most:
                return most, seconds
        called.append(now)
        return None

    def clear(self) -> None:
        """Nobody has called yet."""
        self._called.clear()
