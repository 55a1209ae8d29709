"""The HTTP server: authenticate, let faults strike, act, answer, and write down every call."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Self

import orjson
from aiohttp import web

from scm_api.sandbox.digicert.catalogue import Key
from scm_api.sandbox.digicert.control import control_routes
from scm_api.sandbox.digicert.errors import ApiError, denied, not_found
from scm_api.sandbox.digicert.faults import Fault
from scm_api.sandbox.digicert.operations import NOT_FOR_ORDERS_KEYS, OPERATIONS, Answer, Call
from scm_api.sandbox.digicert.settings import Settings
from scm_api.sandbox.digicert.simulator import Simulator, open_simulator
from scm_api.sandbox.digicert.twisting import twisted
from scm_api.sandbox.ledger import instant

PREFIX = "/services/v2"
_CDN_PAGE = "<html><head><title>Error</title></head><body>Request unsuccessful.</body></html>"
_SHUTDOWN_SECONDS = 2.0
Operation = Callable[[Call], Answer]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RunningServer:
    """A simulator that listens. Use as an async context manager or call `aclose`."""

    def __init__(self, simulator: Simulator, runner: web.AppRunner) -> None:
        self.simulator = simulator
        self._runner = runner

    @property
    def url(self) -> str:
        """`http://host:port/services/v2`, with the port that was really taken."""
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}{PREFIX}"

    async def aclose(self) -> None:
        """Stop listening and release the state directory."""
        await self._runner.cleanup()
        self.simulator.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def serve(settings: Settings) -> RunningServer:
    """Start a simulator in the running event loop.

    Raises StateError for an unusable state directory and OSError for an unusable address.
    """
    simulator = open_simulator(settings)
    gateway = Gateway(simulator)
    app = web.Application()
    app.add_routes(control_routes(simulator))
    for method, path, operation in OPERATIONS:
        app.router.add_route(method, PREFIX + path, gateway.handler(operation))
    app.router.add_route("*", PREFIX + "{rest:/.*}", gateway.handler(no_route))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    try:
        await runner.setup()
        await web.TCPSite(runner, settings.host, settings.port).start()
    except BaseException:
        await runner.cleanup()
        simulator.close()
        raise
    return RunningServer(simulator, runner)


def no_route(_: Call) -> Answer:
    """Whatever CertCentral does not have."""
    raise not_found("route")


class Gateway:
    """Everything between a request and its operation."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def handler(self, operation: Operation) -> Handler:
        """What aiohttp calls for one operation."""

        async def handle(request: web.Request) -> web.StreamResponse:
            call: dict[str, Any] = {
                "time": instant(self._simulator.now().timestamp()),
                "operation": operation.__name__,
                "path": request.path,
                "user": None,
                "status": None,
            }
            try:
                response = await self._respond(request, operation, call)
                call["status"] = response.status
                return response
            finally:
                self._simulator.calls.append(call)

        return handle

    async def _respond(
        self, request: web.Request, operation: Operation, call: dict[str, Any]
    ) -> web.StreamResponse:
        fault = self._simulator.faults.take(operation.__name__)
        if fault and fault.when == "before" and not fault.is_in_the_answer:
            struck = await _strike(fault, request)
            if struck is not None:
                return struck
        try:
            key = self._simulator.admit(request.headers.get("X-DC-DEVKEY"))
            call["user"] = str(key.user_id)
            answer = self._act(key, request, operation, await request.read())
        except ApiError as error:
            return _json(error.body, error.status)
        if fault and fault.when == "after" and not fault.is_in_the_answer:
            struck = await _strike(fault, request)
            if struck is not None:
                return struck
        if fault and fault.is_in_the_answer:
            return await _bent(fault, twisted(fault, answer, self._simulator), request)
        return _plain(answer)

    def _act(self, key: Key, request: web.Request, operation: Operation, content: bytes) -> Answer:
        is_read = request.method == "GET"
        orders_only = key.restriction == 100 and operation.__name__ in NOT_FOR_ORDERS_KEYS
        if orders_only or (key.restriction == 102 and not is_read):
            raise denied("missing_permission")
        body = {} if is_read or not content else _object(content)
        try:
            return operation(Call(self._simulator, key, request.match_info, request.query, body))
        except (TypeError, AttributeError) as error:  # a member of another type than it has
            raise ApiError(400, "bad_request_format", "The request is malformed.") from error


def _object(content: bytes) -> dict[str, Any]:
    malformed = ApiError(400, "bad_request_format", "The request is not valid JSON.")
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise malformed from error
    if not isinstance(body, dict):
        raise malformed
    return body


async def _strike(fault: Fault, request: web.Request) -> web.StreamResponse | None:
    """Do what the fault says; what it returns replaces the answer."""
    match fault.action:
        case "delay":
            await asyncio.sleep(fault.seconds)
            return None
        case "hang":
            await asyncio.sleep(fault.seconds or 3600)
        case "error":
            return _json(ApiError(fault.status, fault.code, "scripted fault").body, fault.status)
        case "html":
            return web.Response(status=fault.status, text=_CDN_PAGE, content_type="text/html")
        case _:
            await asyncio.sleep(fault.seconds)
    _cut(request, with_reset=fault.action == "reset")
    return web.Response()


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


async def _bent(fault: Fault, answer: Answer, request: web.Request) -> web.StreamResponse:
    """The answer with the form of it bent, where that is what the fault is about."""
    plain = _plain(answer)
    content = plain.body if isinstance(plain.body, bytes) else b""
    match fault.action:
        case "truncate":
            half = content[: len(content) // 2]
            return web.Response(status=answer.status, body=half, content_type=plain.content_type)
        case "drip":
            slow = web.StreamResponse(status=answer.status)
            slow.content_type, slow.content_length = plain.content_type, len(content)
            await slow.prepare(request)
            for byte in content:
                await slow.write(bytes([byte]))
                await asyncio.sleep(fault.seconds)
            return slow
    return plain


def _plain(answer: Answer) -> web.Response:
    if answer.content is None:
        return web.Response(status=answer.status)
    if answer.media_type == "application/json":
        return _json(answer.content, answer.status)
    return web.Response(status=answer.status, text=answer.content, content_type=answer.media_type)


def _json(content: Any, status: int) -> web.Response:
    headers = {"Cache-Control": "private,no-cache"}
    body = orjson.dumps(content)
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)
