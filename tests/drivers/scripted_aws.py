"""The AWS driver, impatient, in front of scripted servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aws_harness import ADMIN, EC_ISSUING, connection_to, opened, profile
from contract import RecordingLimiter, new_order

from scm_api.drivers.base import Driver
from scm_api.drivers.errors import DriverError

REF = f"{EC_ISSUING}/certificate/0123456789abcdef0123456789abcdef"
OPTIONS = profile(signature_algorithm="SHA256WITHECDSA")
TIMEOUTS = {"connect_timeout_seconds": 1, "read_timeout_seconds": 0.4, "call_timeout_seconds": 0.8}


@asynccontextmanager
async def driver_at(
    url: str, limiter: RecordingLimiter | None = None, **options: Any
) -> AsyncIterator[Driver]:
    """A driver that soon loses its patience."""
    async with opened(connection_to(url, **(TIMEOUTS | options)), ADMIN, limiter) as driver:
        yield driver


async def submitting(driver: Driver) -> DriverError:
    """The error that an order ends with."""
    with pytest.raises(DriverError) as caught:
        async with asyncio.timeout(5):
            await driver.submit(new_order(), OPTIONS)
    return caught.value
