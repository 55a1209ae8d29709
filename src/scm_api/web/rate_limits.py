"""Token buckets of this process: one for each API key that changes things, one for each address
that wrong keys come from.

They are kept in memory, so that a request costs PostgreSQL nothing more. Reading is not counted:
clients are told to ask again until an enrollment is issued, and whoever has many under way asks
often. It must not keep them from enrolling.

A refusal is held for a moment. Who asks again at once would otherwise keep the process as busy with
refusals as with work, and everybody else would wait for it.
"""

import asyncio
import math
import random
import time
from collections.abc import Callable, Hashable
from typing import Final

from cachetools import LRUCache, TTLCache

from scm_api.core.errors import RateLimited
from scm_api.core.rate_limit import Bucket, Rate
from scm_api.logger import get_logger
from scm_api.settings import Settings

_HOLDERS: Final = 10_000  # of whom buckets are kept; whoever took nothing for long is forgotten
_TOLD_EVERY: Final = 60  # seconds
_HELD: Final = 0.5  # seconds
_log = get_logger(__name__)


class RateLimit:
    """One bucket for each holder; `rate` None limits nobody.

    `detail` is told who is refused, after about `held` seconds.
    """

    def __init__(
        self,
        name: str,
        rate: Rate | None,
        detail: str,
        *,
        held: float = _HELD,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._rate = rate
        self.detail = detail
        self._held = held
        self._clock = clock
        self._buckets: LRUCache[Hashable, Bucket] = LRUCache(_HOLDERS)
        self._told: TTLCache[Hashable, None] = TTLCache(_HOLDERS, _TOLD_EVERY, clock)

    async def check(self, holder: Hashable) -> None:
        """Raise RateLimited if the bucket is empty."""
        if self._rate is None:
            return
        wait = self._rate.wait(self._buckets.get(holder), self._clock())
        if wait == 0:
            return
        if holder not in self._told:
            self._told[holder] = None
            _log.warning("rate limited", limit=self._name, holder=str(holder))
        # Many connections that are told so at once do not come back at once.
        await asyncio.sleep(self._held * random.uniform(0.5, 1.5))  # noqa: S311
        raise RateLimited(self.detail, retry_after=math.ceil(wait))

    def count(self, holder: Hashable) -> None:
        """Take a token, whether there is one or not."""
        if self._rate is not None:
            self._buckets[holder] = self._rate.take(self._buckets.get(holder), self._clock())


def change_limit(settings: Settings) -> RateLimit:
    """How much one API key may change; holders are ids of keys."""
    per_second, burst = settings.rate_limit_per_second, settings.rate_limit_burst
    return RateLimit(
        "changes of an API key",
        Rate(per_second, burst) if per_second else None,
        f"This API key asked for more changes than are taken: {burst} at once, then "
        f"{per_second:g} a second. Nothing was done; send this again after the seconds in "
        "Retry-After. Reading is not limited.",
    )


def wrong_key_limit(settings: Settings) -> RateLimit:
    """How many wrong keys may come from one address; holders are addresses or networks."""
    per_minute = settings.wrong_keys_per_minute
    return RateLimit(
        "wrong API keys of an address",
        Rate(per_minute / 60, per_minute) if per_minute else None,
        "Too many wrong API keys came from this address, so this one was not looked at. Send it "
        "again after the seconds in Retry-After, if it is right.",
    )
