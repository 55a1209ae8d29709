"""A worker in this process, and an organization that may enroll through the simulator."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from estate import Chain, Estate
from scm_api.settings import Settings
from scm_api.worker.process import working
from settlement import Enrolling


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[None]:
    """Runs the durable jobs beside the test."""
    async with working(settings) as queue:
        running = asyncio.create_task(queue.run())
        yield
        queue.stop()
        await running


@pytest.fixture
def enrolling(estate: Estate, chain: Chain) -> Enrolling:
    """Enrolls for the chain's organization."""
    return Enrolling(estate.api, chain)
