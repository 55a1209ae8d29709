"""Faults carried out on aiohttp connections: what replaces an answer, and what bends it."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Final

from aiohttp import web

from scm_api.sandbox.faults import Fault

_PAGE: Final = "<html><head><title>Error</title></head><body>Request unsuccessful.</body></html>"


async def strike(
    fault: Fault, request: web.Request, error: Callable[[Fault], web.Response]
) -> web.StreamResponse | None:
    """Do what the fault says; what it returns replaces the answer. `error` words the vendor's."""
    match fault.action:
        case "delay":
            await asyncio.sleep(fault.seconds)
            return None
        case "hang":
            await asyncio.sleep(fault.seconds or 3600)
        case "error":
            return error(fault)
        case "html":
            return web.Response(status=fault.status, text=_PAGE, content_type="text/html")
        case _:
            await asyncio.sleep(fault.seconds)
    _cut(request, with_reset=fault.action == "reset")
    return web.Response()


async def bent(fault: Fault, answer: web.Response, request: web.Request) -> web.StreamResponse:
    """The answer with its form bent, where that is what the fault is about."""
    content = answer.body if isinstance(answer.body, bytes) else b""
    match fault.action:
        case "truncate":
            half = content[: len(content) // 2]
            return web.Response(status=answer.status, body=half, content_type=answer.content_type)
        case "drip":
            slow = web.StreamResponse(status=answer.status)
            slow.content_type, slow.content_length = answer.content_type, len(content)
            await slow.prepare(request)
            for byte in content:
                await slow.write(bytes([byte]))
                await asyncio.sleep(fault.seconds)
            return slow
    return answer


def _cut(request: web.Request, *, with_reset: bool) -> None:
    """End the connection now, with a FIN or a RST."""
    transport = request.transport
    if transport is None:
        return
    if with_reset:
        connection: socket.socket = transport.get_extra_info("socket")
        # Zero linger makes the kernel send RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
