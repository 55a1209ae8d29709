"""Open drivers, one for each version of a local CA backend, shared by everything in one loop."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from scm_api.drivers.base import Driver

GRACE: Final = timedelta(minutes=4)
"""How long a driver stays open after a newer version replaced it: longer than any call, also to the
slowest CA (`kinds.Patience`)."""


@dataclass(slots=True, eq=False)
class _Slot:
    version: int
    opening: asyncio.Task[Driver]


class DriverPool:
    """Opens drivers when they are first needed. It belongs to one event loop.

    Callers take a driver anew for each piece of work and do not keep it. So a driver is never
    used longer than one call beyond the options and secrets it was opened with: the first caller
    with a newer version retires the older driver, which is closed after `grace`.
    """

    def __init__(self, *, grace: timedelta = GRACE) -> None:
        self._grace = grace
        self._current: dict[UUID, _Slot] = {}
        self._retiring: dict[asyncio.Task[None], _Slot] = {}
        self._closed = False

    async def get(
        self,
        local_ca_backend_id: UUID,
        version: int,
        open_driver: Callable[[], Awaitable[Driver]],
    ) -> Driver:
        """The driver for this version; `open_driver` is called by the first of its callers only.

        Raises what opening raises, to all who wait for it; the next caller tries again. Raises
        RuntimeError once the pool is closed.
        """
        if self._closed:
            raise RuntimeError("the driver pool is closed")
        slot = self._current.get(local_ca_backend_id)
        if slot is None or slot.version != version:
            slot = self._start(local_ca_backend_id, version, open_driver)
        try:
            # Shielded: one impatient caller must not spoil the opening for the others.
            return await asyncio.shield(slot.opening)
        finally:
            if _failed(slot.opening) and self._current.get(local_ca_backend_id) is slot:
                del self._current[local_ca_backend_id]

    async def aclose(self) -> None:
        """Close every driver at once, also those in use."""
        self._closed = True
        for timer in self._retiring:
            timer.cancel()
        slots = [*self._current.values(), *self._retiring.values()]
        self._current.clear()
        self._retiring.clear()
        await asyncio.gather(*(_close(slot) for slot in slots))

    def _start(
        self, key: UUID, version: int, open_driver: Callable[[], Awaitable[Driver]]
    ) -> _Slot:
        slot = _Slot(version, asyncio.create_task(_awaited(open_driver)))
        known = self._current.get(key)
        if known is not None and version < known.version:
            # Its caller read the row before the change: it is served, but the driver not kept.
            self._retire(slot)
            return slot
        if known is not None:
            self._retire(known)
        self._current[key] = slot
        return slot

    def _retire(self, slot: _Slot) -> None:
        timer = asyncio.create_task(self._close_later(slot))
        self._retiring[timer] = slot
        timer.add_done_callback(lambda done: self._retiring.pop(done, None))

    async def _close_later(self, slot: _Slot) -> None:
        await asyncio.sleep(self._grace.total_seconds())
        await _close(slot)


def _failed(opening: asyncio.Task[Driver]) -> bool:
    return opening.done() and (opening.cancelled() or opening.exception() is not None)


async def _close(slot: _Slot) -> None:
    slot.opening.cancel()
    (outcome,) = await asyncio.gather(slot.opening, return_exceptions=True)
    if not isinstance(outcome, BaseException):
        await outcome.aclose()


async def _awaited(open_driver: Callable[[], Awaitable[Driver]]) -> Driver:
    return await open_driver()
