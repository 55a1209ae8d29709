"""F35: looking up the hosts of one CA keeps no other waiting."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from scm_api.drivers.resolving import ForbiddenAddress, checked_addresses

HUNG = "ca.hung.example"
LOCAL = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]


class Resolver:
    """Stands in for the machine's, which hangs for one host until it is let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let_go = threading.Event()

    def __call__(self, host: str, *_: object, **__: object) -> list[Any]:
        self.asked.append(host)
        if host == HUNG:
            self.let_go.wait(10)
        return LOCAL


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    hangs = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    yield hangs
    hangs.let_go.set()


async def test_f35_a_resolver_that_hangs_for_one_host_answers_for_others(
    resolver: Resolver,
) -> None:
    waiting = [asyncio.create_task(checked_addresses(HUNG, loopback=True)) for _ in range(100)]
    await asyncio.sleep(0)
    started = time.monotonic()
    assert await checked_addresses("ca.example", loopback=True) == ["127.0.0.1"]
    assert time.monotonic() - started < 5
    assert resolver.asked.count(HUNG) == 1
    resolver.let_go.set()
    assert await asyncio.gather(*waiting) == [["127.0.0.1"]] * 100


async def test_whoever_gives_up_leaves_the_look_up_to_others(resolver: Resolver) -> None:
    given_up = asyncio.create_task(checked_addresses(HUNG, loopback=True))
    stays = asyncio.create_task(checked_addresses(HUNG, loopback=True))
    await asyncio.sleep(0.01)
    given_up.cancel()
    await asyncio.sleep(0.01)
    resolver.let_go.set()
    assert await stays == ["127.0.0.1"]
    assert resolver.asked == [HUNG]


async def test_a_look_up_that_takes_too_long_is_told(resolver: Resolver) -> None:
    with pytest.raises(OSError, match=f"the address of {HUNG} was not found in 0.05 seconds"):
        await checked_addresses(HUNG, loopback=True, patience=0.05)
    assert resolver.asked == [HUNG]


async def test_an_address_needs_no_resolver(resolver: Resolver) -> None:
    assert await checked_addresses("::1", loopback=True) == ["::1"]
    with pytest.raises(ForbiddenAddress, match=r"resolves to 169\.254\.169\.254"):
        await checked_addresses("169.254.169.254", loopback=False)
    assert resolver.asked == []


async def test_a_name_that_leads_nowhere_is_told() -> None:
    with pytest.raises(OSError, match="has no address"):
        await checked_addresses("a" * 64 + ".invalid", loopback=False)
