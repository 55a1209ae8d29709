"""How fast a CA is called, at the ends of what options may say and when a clock is set."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from scm_api.db.session import Database
from scm_api.drivers.errors import BackendUnavailable
from scm_api.gateway.pacing import DatabaseLimiter


@pytest.mark.parametrize("per_second", [1e-300, 5e-324])
async def test_the_slowest_pace_is_one_call_a_day(database: Database, per_second: float) -> None:
    limiter = DatabaseLimiter(database)
    await limiter.acquire("slow", per_second)
    with pytest.raises(BackendUnavailable) as caught:
        await limiter.acquire("slow", per_second)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.days in (0, 1)


@pytest.mark.parametrize("seconds", [30, 7200])
async def test_a_clock_that_is_set_back_holds_no_call_up(database: Database, seconds: int) -> None:
    """To the rows it is the same as if they had been written that much later."""
    limiter = DatabaseLimiter(database)
    await limiter.acquire("ca", 5)
    if seconds > 3600:  # a CA may ask for as much as an hour
        await limiter.slow_down("ca", timedelta(seconds=5))
    async with database.transaction() as session:
        later = text("UPDATE rate_limits SET slot_at = slot_at + make_interval(secs => :seconds)")
        await session.execute(later, {"seconds": seconds})
    await limiter.acquire("ca", 5)
    await limiter.slow_down("ca", timedelta(minutes=5))
    with pytest.raises(BackendUnavailable) as caught:
        await limiter.acquire("ca", 5)
    assert caught.value.retry_after is not None
    assert 290 < caught.value.retry_after.total_seconds() <= 300
