"""How fast a CA account may be called, for all processes together."""

from datetime import timedelta
from typing import Protocol


class Limiter(Protocol):
    """Shared pacing for one CA account: all processes draw from the same bucket."""

    async def acquire(self, key: str, per_second: float) -> None:
        """Return when one call under `key` may be sent.

        Raises BackendUnavailable with `retry_after` if that would take longer than a caller
        should be held.
        """

    async def slow_down(self, key: str, wait: timedelta) -> None:
        """The CA said it is too fast: nobody calls under `key` before `wait` has passed."""
