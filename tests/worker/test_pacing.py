"""How fast a CA is called, at the ends of what options may say."""

import pytest

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
