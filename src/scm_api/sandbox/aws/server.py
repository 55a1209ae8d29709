"""The HTTP server: authenticate, let faults strike, act, answer, and write down every call."""

import asyncio
import logging
import time
from typing import Any, Self
from uuid import uuid4

from aiohttp import web

from scm_api.sandbox.aws.constraints import check_request
from scm_api.sandbox.aws.context import Context, Output
from scm_api.sandbox.aws.control import control_routes
from scm_api.sandbox.aws.errors import ApiError
from scm_api.sandbox.aws.faults import QueuedFault
from scm_api.sandbox.aws.identities import Caller
from scm_api.sandbox.aws.operations import BY_SERVICE
from scm_api.sandbox.aws.protocol import WireFormat, wire_format
from scm_api.sandbox.aws.sessions import unrecognized
from scm_api.sandbox.aws.settings import Settings
from scm_api.sandbox.aws.sigv4 import SignedRequest, header_map, read_authorization, verify
from scm_api.sandbox.aws.simulator import Simulator, open_simulator
from scm_api.sandbox.aws.striking import ConnectionCutError, RawAnswerError, cut, strike
from scm_api.sandbox.ledger import instant
from scm_api.sandbox.listening import Runner

log = logging.getLogger(__name__)

_MAX_BODY_BYTES = 1 << 20


class RunningServer:
    """A simulator that listens. Use as an async context manager or call `aclose`."""

    def __init__(self, simulator: Simulator, runner: Runner, closing: asyncio.Event) -> None:
        self.simulator = simulator
        self._runner = runner
        self._closing = closing

    @property
    def url(self) -> str:
        """`http://host:port`, with the port that was really taken."""
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def aclose(self) -> None:
        """Stop listening, end what hangs, and release the state directory."""
        self._closing.set()
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
    closing = asyncio.Event()
    gateway = Gateway(simulator, closing)
    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    app.add_routes(control_routes(simulator))
    app.router.add_post("/", gateway.handle)
    app.router.add_get("/{bucket}/{key:.+}", gateway.handle)
    runner = Runner(app)
    try:
        await runner.setup()
        await web.TCPSite(runner, settings.host, settings.port).start()
    except BaseException:
        await runner.cleanup()
        simulator.close()
        raise
    return RunningServer(simulator, runner, closing)


class Gateway:
    """Everything between a request and its operation."""

    def __init__(self, simulator: Simulator, closing: asyncio.Event) -> None:
        self._simulator = simulator
        self._closing = closing

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call; whatever the outcome, it is in the list of calls afterwards."""
        started = time.perf_counter()
        wire = wire_format(request)
        call = _new_call(wire, self._simulator.now())
        try:
            return await self._respond(request, wire, call)
        finally:
            call["milliseconds"] = round((time.perf_counter() - started) * 1000, 3)
            self._simulator.calls.append(call)

    async def _respond(
        self, request: web.Request, wire: WireFormat, call: dict[str, Any]
    ) -> web.Response:
        try:
            output = await self._act(request, wire, call)
            response = wire.answer(output, call["request_id"])
        except ConnectionCutError as lost:
            call["outcome"] = lost.how
            cut(request, lost.how)
            return web.Response()
        except RawAnswerError as raw:
            response = raw.response()
            call["error"] = "raw answer"
        except ApiError as error:
            call["error"] = error.code
            response = wire.refuse(error, call["request_id"])
        except Exception:
            log.exception("request %s failed", call["request_id"])
            call["error"] = "InternalFailure"
            failure = ApiError("InternalFailure", "The request processing has failed.", 500)
            response = wire.refuse(failure, call["request_id"])
        call["status"] = response.status
        call["outcome"] = "answered"
        return response

    async def _act(self, request: web.Request, wire: WireFormat, call: dict[str, Any]) -> Output:
        body = await _read(request)
        caller = self._authenticate(request, wire.service, body)
        call |= {"access_key_id": caller.access_key_id, "principal": caller.arn}
        call["region"] = caller.region
        operation, parameters = wire.read(body)
        call["operation"] = operation
        call |= _named(parameters)
        if operation not in BY_SERVICE[wire.service]:
            raise ApiError("UnknownOperationException", f"{operation} is not simulated")
        queued = self._simulator.faults.take(operation)
        fault = queued.fault if queued else None
        await asyncio.sleep(self._simulator.latency())
        if queued and not queued.fault.needs_success:
            call["fault"] = queued.fault.action
            await strike(queued.fault, request, self._closing)
        context = Context(self._simulator, caller, operation, parameters, call["request_id"], fault)
        output = self._operate(context, wire.service, queued)
        call |= _named(output or {})
        if queued and queued.fault.needs_success:
            call["fault"] = queued.fault.action
            await strike(queued.fault, request, self._closing)
        return output

    def _authenticate(self, request: web.Request, service: str, body: bytes) -> Caller:
        headers = header_map(request.raw_headers)
        authorization = read_authorization(headers, service)
        simulator, key_id = self._simulator, authorization.access_key_id
        token = headers.get("x-amz-security-token")
        if token is not None:
            caller, secret = simulator.sessions.resolve(
                key_id, token, authorization.region, simulator.credentials, simulator.now()
            )
        else:
            key = simulator.credentials.key(key_id)
            if key is None:
                raise unrecognized()
            arn = f"arn:aws:iam::{key.account_id}:user/{key.user}"
            caller = Caller(key_id, arn, key.account_id, authorization.region, key.policy)
            secret = key.secret_access_key
        path, _, query = request.raw_path.partition("?")
        verify(authorization, SignedRequest(request.method, path, query, headers, body), secret)
        return caller

    def _operate(self, context: Context, service: str, queued: QueuedFault | None) -> Output:
        """Quota, constraints, operation. A fault that waits for success is kept on refusal."""
        try:
            caller = context.caller
            self._simulator.throttle.admit(
                (caller.account_id, caller.region, context.operation),
                self._simulator.behaviour.quotas.get(context.operation),
                time.monotonic(),
            )
            if service == "acm-pca":
                check_request(context.operation, context.parameters)
            return BY_SERVICE[service][context.operation](context)
        except ApiError:
            if queued and queued.fault.needs_success:
                self._simulator.faults.give_back(queued)
            raise


async def _read(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise ApiError(
            "RequestEntityTooLargeException", "The request body is too large.", 413
        ) from error


def _new_call(wire: WireFormat, now: float) -> dict[str, Any]:
    """A line of the list of calls; what is not known yet stays null."""
    return {
        "time": instant(now),
        "request_id": str(uuid4()),
        "service": wire.service,
        "operation": None,
        "region": None,
        "access_key_id": None,
        "principal": None,
        "certificate_authority_arn": None,
        "certificate_arn": None,
        "token": None,
        "fault": None,
        "status": None,
        "error": None,
        "outcome": "unfinished",
    }


_NAMED = {
    "CertificateAuthorityArn": "certificate_authority_arn",
    "CertificateArn": "certificate_arn",
    "IdempotencyToken": "token",
}


def _named(members: Any) -> dict[str, str]:
    """The members of an input or output that the list of calls keeps."""
    return {
        name: members[member]
        for member, name in _NAMED.items()
        if isinstance(members.get(member), str)
    }
