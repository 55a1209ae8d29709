"""One open driver for each version of a local CA backend."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from scm_api.drivers.errors import BackendRefused
from scm_api.drivers.pool import DriverPool

ID = uuid4()


class FakeDriver:
    """A driver that only knows whether it is open."""

    def __init__(self) -> None:
        self.closed = 0

    async def aclose(self) -> None:
        self.closed += 1


class Opener:
    """Opens fake drivers, slowly, and fails the first `failures` times."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.opened: list[FakeDriver] = []
        self.calls = 0

    async def __call__(self) -> Any:
        self.calls += 1
        await asyncio.sleep(0.02)
        if self.calls <= self.failures:
            raise BackendRefused("no key")
        self.opened.append(FakeDriver())
        return self.opened[-1]


async def test_many_first_users_open_one_driver() -> None:
    pool, opener = DriverPool(), Opener()
    drivers = await asyncio.gather(*(pool.get(ID, 1, opener) for _ in range(20)))
    assert len({id(driver) for driver in drivers}) == 1
    assert await pool.get(ID, 1, opener) is drivers[0]
    assert opener.calls == 1
    await pool.aclose()
    assert opener.opened[0].closed == 1


async def test_backends_do_not_share() -> None:
    pool, opener = DriverPool(), Opener()
    assert await pool.get(ID, 1, opener) is not await pool.get(uuid4(), 1, opener)
    await pool.aclose()
    assert [driver.closed for driver in opener.opened] == [1, 1]


async def test_f31_a_newer_version_replaces_the_older_which_is_closed_later() -> None:
    pool, opener = DriverPool(grace=timedelta(seconds=0.1)), Opener()
    old: Any = await pool.get(ID, 1, opener)
    new: Any = await pool.get(ID, 2, opener)
    assert new is not old
    assert old.closed == 0, "somebody may be in the middle of a call"
    await asyncio.sleep(0.2)
    assert (old.closed, new.closed) == (1, 0)
    assert await pool.get(ID, 2, opener) is new
    await pool.aclose()
    assert (old.closed, new.closed) == (1, 1)


async def test_f31_a_late_user_of_an_older_version_does_not_displace_the_newer() -> None:
    pool, opener = DriverPool(grace=timedelta(seconds=0.05)), Opener()
    new: Any = await pool.get(ID, 2, opener)
    late: Any = await pool.get(ID, 1, opener)
    assert late is not new
    assert await pool.get(ID, 2, opener) is new
    await asyncio.sleep(0.15)
    assert (late.closed, new.closed) == (1, 0)
    await pool.aclose()


async def test_a_failed_opening_is_told_to_all_and_tried_again() -> None:
    pool, opener = DriverPool(), Opener(failures=1)
    results = await asyncio.gather(
        *(pool.get(ID, 1, opener) for _ in range(3)), return_exceptions=True
    )
    assert all(isinstance(result, BackendRefused) for result in results)
    assert opener.calls == 1
    assert await pool.get(ID, 1, opener) is opener.opened[0]
    await pool.aclose()


async def test_an_impatient_user_does_not_spoil_the_opening() -> None:
    pool, opener = DriverPool(), Opener()
    patient = asyncio.create_task(pool.get(ID, 1, opener))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.005):
            await pool.get(ID, 1, opener)
    assert await patient is opener.opened[0]
    await pool.aclose()


async def test_closing_ends_what_is_open_opening_and_retiring() -> None:
    pool, opener = DriverPool(grace=timedelta(hours=1)), Opener()
    await pool.get(ID, 1, opener)
    await pool.get(ID, 2, opener)
    begun = asyncio.Event()

    async def never_open() -> Any:
        begun.set()
        await asyncio.Event().wait()

    opening = asyncio.create_task(pool.get(uuid4(), 1, never_open))
    await begun.wait()
    await pool.aclose()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert [driver.closed for driver in opener.opened] == [1, 1]
    with pytest.raises(RuntimeError, match="closed"):
        await pool.get(ID, 2, opener)
