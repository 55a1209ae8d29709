"""Places for calls to one server, which takes only so many at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from scm_api.drivers.errors import BackendUnavailable


class Room:
    """So many `places`; who gets none within `patience` seconds is put off."""

    def __init__(self, places: int, patience: float) -> None:
        self._free = asyncio.Semaphore(places)
        self._patience = patience

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place for as long as the block lasts. Raises BackendUnavailable."""
        try:
            await asyncio.wait_for(self._free.acquire(), self._patience)
        except TimeoutError:
            wait = timedelta(seconds=1)
            raise BackendUnavailable("Every connection is in use.", retry_after=wait) from None
        try:
            yield
        finally:
            self._free.release()
