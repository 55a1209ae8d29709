"""The HTTPS server: authenticate, let faults strike, act, answer, and write down every call."""

import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Self

import orjson
from aiohttp import web

from scm_api.sandbox.entrust import gateway, operations
from scm_api.sandbox.entrust.control import control_routes
from scm_api.sandbox.entrust.errors import ApiError, GatewayError, not_found
from scm_api.sandbox.entrust.operations import Answer
from scm_api.sandbox.entrust.settings import Settings
from scm_api.sandbox.entrust.simulator import Simulator, TooManyRequests, open_simulator
from scm_api.sandbox.entrust.transport import GATEWAY_USER
from scm_api.sandbox.entrust.twisting import twisted
from scm_api.sandbox.faults import Fault
from scm_api.sandbox.ledger import instant
from scm_api.sandbox.listening import Runner
from scm_api.sandbox.striking import bent, strike

ECS_PREFIX = "/enterprise/v2"
GATEWAY_PREFIX = "/cagw"
_LONGEST_BODY = 1024 * 1024
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Acting = Callable[[web.Request, dict[str, Any], dict[str, Any]], Answer]


class RunningServer:
    """A simulator that listens. Use as an async context manager or call `aclose`."""

    def __init__(self, simulator: Simulator, runner: Runner) -> None:
        self.simulator = simulator
        self._runner = runner

    @property
    def url(self) -> str:
        """`https://host:port`, with the port that was really taken; both APIs are below it."""
        host, port = self._runner.addresses[0][:2]
        return f"https://{host}:{port}"

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
    entrance = Entrance(simulator)
    app = web.Application(client_max_size=_LONGEST_BODY)
    app.add_routes(control_routes(simulator))
    for method, path, operation in operations.OPERATIONS:
        acting = entrance.ecs(operation)
        app.router.add_route(method, ECS_PREFIX + path, entrance.handler(operation, acting))
    for method, path, step in gateway.OPERATIONS:
        acting = entrance.gateway(step)
        app.router.add_route(method, GATEWAY_PREFIX + path, entrance.handler(step, acting))
    missing = entrance.handler(no_route, entrance.ecs(no_route))
    app.router.add_route("*", ECS_PREFIX + "{rest:/.*}", missing)
    runner = Runner(app)
    try:
        await runner.setup()
        context = simulator.transport.context()
        await web.TCPSite(runner, settings.host, settings.port, ssl_context=context).start()
    except BaseException:
        await runner.cleanup()
        simulator.close()
        raise
    return RunningServer(simulator, runner)


def no_route(_: operations.Call) -> Answer:
    """Whatever ECS does not have."""
    raise not_found("resource")


class Entrance:
    """Everything between a request and its operation."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def ecs(self, operation: Callable[[operations.Call], Answer]) -> Acting:
        """An operation of ECS, for an API user."""

        def act(request: web.Request, body: dict[str, Any], call: dict[str, Any]) -> Answer:
            authorization = request.headers.get("Authorization")
            user = self._simulator.admit(authorization, _certificate_of(request))
            call["user"] = user.name
            asked = operations.Call(self._simulator, user, request.match_info, request.query, body)
            return operation(asked)

        return act

    def gateway(self, operation: Callable[[gateway.Asked], dict[str, Any]]) -> Acting:
        """An operation of CA Gateway, for whoever brings the client certificate."""

        def act(request: web.Request, body: dict[str, Any], call: dict[str, Any]) -> Answer:
            if not self._simulator.transport.is_of(GATEWAY_USER, _certificate_of(request)):
                raise GatewayError(401, "unauthorized", "A client certificate is required.")
            self._simulator.pace(GATEWAY_USER)
            call["user"] = GATEWAY_USER
            asked = gateway.Asked(self._simulator, request.match_info, request.query, body)
            return Answer(operation(asked))

        return act

    def handler(self, operation: Callable[..., Any], acting: Acting) -> Handler:
        """What aiohttp calls for one operation."""
        name = operation.__name__

        async def handle(request: web.Request) -> web.StreamResponse:
            call: dict[str, Any] = {
                "time": instant(self._simulator.now().timestamp()),
                "operation": name,
                "path": request.path,
                "user": None,
                "status": None,
            }
            try:
                response = await self._respond(request, name, acting, call)
                call["status"] = response.status
                return response
            finally:
                self._simulator.calls.append(call)

        return handle

    async def _respond(
        self, request: web.Request, name: str, acting: Acting, call: dict[str, Any]
    ) -> web.StreamResponse:
        fault = self._simulator.faults.take(name)
        if fault and fault.when == "before" and not fault.is_in_the_answer:
            struck = await strike(fault, request, _scripted)
            if struck is not None:
                return struck
        try:
            answer = acting(request, _object(await request.read()), call)
        except (ApiError, GatewayError) as error:
            return _json(error.body, error.status)
        except TooManyRequests as error:
            return _too_many(error.limit, error.retry_after)
        except (TypeError, AttributeError):  # a member of another type than it has
            return _json(ApiError(400, "Invalid request").body, 400)
        if fault and fault.when == "after" and not fault.is_in_the_answer:
            struck = await strike(fault, request, _scripted)
            if struck is not None:
                return struck
        if fault and fault.is_in_the_answer:
            changed = twisted(fault, answer, self._simulator)
            return await bent(fault, _json(changed.content, changed.status), request)
        return _json(answer.content, answer.status)


def _object(content: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(content) if content else {}
    except orjson.JSONDecodeError as error:
        raise ApiError(400, "Invalid JSON") from error
    if not isinstance(body, dict):
        raise ApiError(400, "Invalid JSON")
    return body


def _certificate_of(request: web.Request) -> bytes | None:
    """DER of the client certificate; the TLS layer checked it."""
    assert request.transport is not None
    connection: ssl.SSLObject = request.transport.get_extra_info("ssl_object")
    return connection.getpeercert(binary_form=True)


def _scripted(fault: Fault) -> web.Response:
    if fault.status == 429:
        return _too_many(50, 1)
    return _json(ApiError(fault.status, "scripted fault").body, fault.status)


def _too_many(limit: int, retry_after: int) -> web.Response:
    response = _json(ApiError(429, "Rate limit exceeded").body, 429)
    response.headers["Retry-After"] = str(retry_after)
    response.headers["X-Rate-Limit-Limit"] = str(limit)
    return response


def _json(content: Any, status: int) -> web.Response:
    body = orjson.dumps(content)
    return web.Response(status=status, body=body, content_type="application/json")
