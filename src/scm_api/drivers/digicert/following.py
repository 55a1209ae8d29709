"""What became of many orders, told by one call (`status-changes`)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from scm_api.drivers.digicert.wire import OrderLine

FRESH: Final = timedelta(minutes=1)
LONGEST_WINDOW: Final = timedelta(days=7)
# Clocks differ, and an order may change while it is being asked about.
_A_DAY: Final = timedelta(days=1)
_OVERLAP: Final = timedelta(minutes=2)
Reading = Callable[[timedelta], Awaitable[list[OrderLine]]]
Turn = Callable[[], Awaitable[timedelta]]


@dataclass(frozen=True, slots=True)
class _Told:
    lines: Mapping[str, OrderLine]
    since: datetime
    at: float

    @property
    def age(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self.at)


class Changes:
    """The changes of one account, read at most once a minute, however many ask.

    `may_read` says how long it is until this process's turn, nothing when it is now: all of them
    together keep to that.
    """

    def __init__(self, reading: Reading, may_read: Turn) -> None:
        self._reading = reading
        self._may_read = may_read
        self._told: _Told | None = None
        self._turn = asyncio.Lock()

    async def of(self, order_id: str, since: datetime) -> tuple[OrderLine | None, timedelta]:
        """The order's line, None if nothing happened to it since then, as far as is known yet; and
        how long it is until more may be known.

        `since` is at most `LONGEST_WINDOW` ago, less a few minutes; see `reaches`.
        """
        async with self._turn:
            told = self._told
            is_enough = told is not None and told.since <= since and told.age <= FRESH
            wait = FRESH if is_enough else await self._may_read()
            if not wait:
                told, wait = await self._read(since), FRESH
                self._told = told
        return told.lines.get(order_id) if told else None, wait

    async def _read(self, since: datetime) -> _Told:
        """A day at least, so that the next look need not go back further than this one."""
        begin = min(since, datetime.now(UTC) - _A_DAY)
        window = min(datetime.now(UTC) - begin + _OVERLAP, LONGEST_WINDOW)
        at = time.monotonic()
        lines = await self._reading(window)
        return _Told({line.order_id: line for line in lines}, datetime.now(UTC) - window, at)


def reaches(since: datetime) -> bool:
    """Whether the list of changes goes back that far."""
    return datetime.now(UTC) - since + 2 * _OVERLAP < LONGEST_WINDOW
