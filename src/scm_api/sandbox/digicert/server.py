"""The HTTP server: authenticate, let faults strike, act, answer, and write down every call."""

from collections.abc import Awaitable, Callable
from typing import Any, Self

import orjson
from aiohttp import web

from scm_api.sandbox.digicert.catalogue import Key
from scm_api.sandbox.digicert.control import control_routes
from scm_api.sandbox.digicert.errors import ApiError, denied, not_found
from scm_api.sandbox.digicert.operations import NOT_FOR_ORDERS_KEYS, OPERATIONS, Answer, Call
from scm_api.sandbox.digicert.settings import Settings
from scm_api.sandbox.digicert.simulator import Simulator, open_simulator
from scm_api.sandbox.digicert.twisting import twisted
from scm_api.sandbox.faults import Fault
from scm_api.sandbox.ledger import instant
from scm_api.sandbox.listening import Runner
from scm_api.sandbox.striking import bent, strike

PREFIX = "/services/v2"
Operation = Callable[[Call], Answer]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RunningServer:
    """A simulator that listens. Use as an async context manager or call `aclose`."""

    def __init__(self, simulator: Simulator, runner: Runner) -> None:
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
    runner = Runner(app)
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
            struck = await strike(fault, request, _scripted)
            if struck is not None:
                return struck
        try:
            key = self._simulator.admit(request.headers.get("X-DC-DEVKEY"))
            call["user"] = str(key.user_id)
            answer = self._act(key, request, operation, await request.read())
        except ApiError as error:
            return _json(error.body, error.status)
        if fault and fault.when == "after" and not fault.is_in_the_answer:
            struck = await strike(fault, request, _scripted)
            if struck is not None:
                return struck
        if fault and fault.is_in_the_answer:
            return await bent(fault, _plain(twisted(fault, answer, self._simulator)), request)
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


def _scripted(fault: Fault) -> web.Response:
    return _json(ApiError(fault.status, fault.code, "scripted fault").body, fault.status)


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
