"""Letting a scripted fault strike: waits, cut connections, hangs and error answers."""

import asyncio
import socket
import struct

from aiohttp import web

from scm_api.sandbox.aws.errors import ApiError, throttled
from scm_api.sandbox.aws.faults import AnyFault, Close, Delay, Error, Hang, Reset, ThrottleFault

_LOOK_EVERY = 0.05


class ConnectionCutError(Exception):
    """The client gets no answer; `how` is `close` (FIN) or `reset` (RST)."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class RawAnswerError(Exception):
    """The client gets a body that is not AWS's, as from a proxy in between."""

    def __init__(self, fault: Error) -> None:
        super().__init__(fault.status)
        self._fault = fault

    def response(self) -> web.Response:
        """HTML, unless its headers say otherwise."""
        headers = {name.title(): value for name, value in self._fault.headers.items()}
        return web.Response(
            status=self._fault.status,
            body=(self._fault.body or "").encode(),
            headers={"Content-Type": "text/html; charset=utf-8"} | headers,
        )


async def strike(fault: AnyFault, request: web.BaseRequest, closing: asyncio.Event) -> None:
    """Do what the fault says. Mutations do nothing here: the operation acts on them.

    Raises ConnectionCutError, RawAnswerError or ApiError where the fault replaces the answer.
    """
    match fault:
        case Delay():
            await asyncio.sleep(fault.seconds)
        case Close() | Reset():
            await asyncio.sleep(fault.seconds)
            raise ConnectionCutError(fault.action)
        case Hang():
            await _hang(fault.seconds, request, closing)
            raise ConnectionCutError("close")
        case Error() if fault.body is not None or fault.headers:
            raise RawAnswerError(fault)
        case Error():
            raise ApiError(fault.error_code, fault.message, fault.status)
        case ThrottleFault():
            raise throttled()


def cut(request: web.BaseRequest, how: str) -> None:
    """End the connection now, with a FIN or a RST."""
    transport = request.transport
    if transport is None:
        return
    if how == "reset":
        connection: socket.socket = transport.get_extra_info("socket")
        # Zero linger makes the kernel send RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()


async def _hang(seconds: float | None, request: web.BaseRequest, closing: asyncio.Event) -> None:
    """Wait until the client goes away, the time is over, or the simulator stops."""
    deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
    while not closing.is_set():
        if request.transport is None or request.transport.is_closing():
            return
        if deadline is not None and asyncio.get_running_loop().time() >= deadline:
            return
        await asyncio.sleep(_LOOK_EVERY)
