"""What the servers let stand around each call: scripted faults, and a note of it."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Protocol, TypeVar

Answer = TypeVar("Answer")


class Severed(Exception):
    """End the connection without an answer, by FIN or RST."""

    def __init__(self, *, with_reset: bool = False) -> None:
        super().__init__("the connection is to end")
        self.with_reset = with_reset


class Around(Protocol):
    """Carries a call out: `act` does it and gives the answer.

    May wait before and after, bend the answer, or raise Severed or an error of the protocol.
    `account` is the SAM name of the caller, empty for nobody.
    """

    async def __call__(
        self, operation: str, account: str, act: Callable[[], Answer], /
    ) -> Answer: ...


async def plainly(_operation: str, _account: str, act: Callable[[], Answer]) -> Answer:
    """Nothing goes wrong."""
    return act()


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with an RST."""
    connection: socket.socket = writer.get_extra_info("socket")
    # Zero linger makes the kernel send RST instead of FIN.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
