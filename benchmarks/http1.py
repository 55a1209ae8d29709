"""A small HTTP/1.1 client over one kept connection.

The load generator shares two cores with what it measures. aiohttp's client takes about 0.3 ms of
CPU a request and httpx 1 ms, which would be seen in the figures; this takes 0.05 ms. It sends
bytes made beforehand, one request at a time, and understands what our API answers.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httptools


class RequestError(Exception):
    """The service did not answer as a benchmark needs it; figures would mean nothing."""


class Connection(asyncio.Protocol):
    """One connection. Open it with `connections`."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._parser: Any = None
        self._body = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("the service closed"))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), bytes(self._body)))

    async def request(self, request: bytes, expected: int) -> bytes:
        """Send one request and return the body; raises RequestError for another status."""
        self._parser = httptools.HttpResponseParser(self)
        self._body.clear()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        status, body = await self._answer
        if status != expected:
            raise RequestError(f"status {status} instead of {expected}: {body.decode()[:500]}")
        return body

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


@asynccontextmanager
async def connections(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """`count` connections to a port of this machine, closed with the block."""
    loop, opened = asyncio.get_running_loop(), list[Connection]()
    try:
        for _ in range(count):
            opened.append((await loop.create_connection(Connection, "127.0.0.1", port))[1])
        yield opened
    finally:
        for connection in opened:
            connection.close()
