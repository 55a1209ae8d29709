"""What the server takes of a request before anybody looks at it."""

import asyncio

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from scm_api.serving import LONGEST_BESIDE_BODY, BoundedProtocol

LINE = b"POST / HTTP/1.1\r\nHost: a.test\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


async def _length(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


async def answered(*parts: bytes) -> bytes:
    """The head of the answer to what is sent."""
    config = uvicorn.Config(_length, http=BoundedProtocol, lifespan="off")
    state, loop = ServerState(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: BoundedProtocol(config, state, {}), "127.0.0.1")
    async with server, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.writelines(parts)
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return answer


@pytest.mark.parametrize(
    "begin",
    [b"GET /", LINE + b"X-Long: ", LINE + CHUNKED + b"0\r\nX-Long: "],
    ids=["line", "header", "trailer"],
)
async def test_t77_what_comes_beside_a_body_ends(begin: bytes) -> None:
    answer = await answered(begin, b"a" * LONGEST_BESIDE_BODY)
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_t77_a_body_may_be_longer_and_in_pieces() -> None:
    chunk = b"1000\r\n" + b"a" * 0x1000 + b"\r\n"
    many = 2 * LONGEST_BESIDE_BODY // 0x1000
    answer = await answered(LINE + CHUNKED, *[chunk] * many, b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
