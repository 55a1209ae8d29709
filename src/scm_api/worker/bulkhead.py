"""Keeping a CA that hangs from holding every slot of a worker, so that others go on."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

from scm_api.worker.clock import boottime

_SLOW: Final = 3.0  # seconds; a CA that answers sooner is in nobody's way
_REMEMBERED: Final = 15.0  # seconds; the next calls to a CA that was slow count from their begin
_SOON: Final = 3.0  # seconds; what was not answered has its next turn within them
_LONGEST_TURN: Final = 60.0  # seconds


class Bulkhead:
    """What is under way at each connection to a CA, in this process.

    Slow ones share the slots: of those that no other slow CA holds, each gets half.
    """

    def __init__(self, slots: int, clock: Callable[[], float] = boottime) -> None:
        self._slots = slots
        self._clock = clock
        self._begun: defaultdict[UUID, dict[object, float]] = defaultdict(dict)
        self._slow_until: dict[UUID, float] = {}
        self._kept_until: dict[UUID, list[float]] = {}
        self._last_turn: dict[UUID, float] = {}

    def is_full(self, connection_id: UUID) -> bool:
        """Whether a slow CA holds all the slots that it may have."""
        held = {each: self._held(each) for each in self._begun.keys() | self._kept_until.keys()}
        own = held.pop(connection_id, 0)
        return own > 0 and own >= (self._slots - sum(held.values())) // 2

    @contextmanager
    def entered(self, connection_id: UUID) -> Iterator[None]:
        """Something is under way there within this block."""
        one, begun = object(), self._clock()
        self._begun[connection_id][one] = begun
        try:
            yield
        finally:
            ended = self._clock()
            del self._begun[connection_id][one]
            if not self._begun[connection_id]:
                del self._begun[connection_id]
            if ended - begun > _SLOW:
                self._slow_until[connection_id] = ended + _REMEMBERED

    def turn(self, connection_id: UUID) -> timedelta:
        """How long what finds it full should wait: one comes back after the other, as fast as a
        slow CA can answer them. All at once they would keep the worker and PostgreSQL busy."""
        now, between = self._clock(), _SLOW / max(1, self._slots // 2)
        last = max(self._last_turn.get(connection_id, 0.0), now + _SLOW)
        self._last_turn[connection_id] = turn = min(last + between, now + _LONGEST_TURN)
        return timedelta(seconds=turn - now)

    def keep(self, connection_id: UUID) -> None:
        """What is under way there comes back soon, full or not: nobody else gets its slot."""
        until = self._clock() + _SOON
        self._kept_until[connection_id] = [*self._kept(connection_id), until]

    def _held(self, connection_id: UUID) -> int:
        now, kept = self._clock(), len(self._kept(connection_id))
        begun = self._begun.get(connection_id, {}).values()
        if now < self._slow_until.get(connection_id, 0.0):
            return kept + len(begun)
        return kept + sum(now - each > _SLOW for each in begun)

    def _kept(self, connection_id: UUID) -> list[float]:
        now = self._clock()
        return [each for each in self._kept_until.get(connection_id, []) if each > now]
