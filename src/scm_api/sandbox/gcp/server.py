"""The gRPC server: authenticate, let faults strike, act, answer, and write down every call."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Self

import grpc
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_pem_x509_certificate
from google.rpc import code_pb2
from grpc_status import rpc_status

from scm_api.sandbox.controls import PREFIX
from scm_api.sandbox.faults import Fault
from scm_api.sandbox.gcp.certificates import signed_again
from scm_api.sandbox.gcp.control import control_routes
from scm_api.sandbox.gcp.errors import Refusal, exhausted
from scm_api.sandbox.gcp.operations import SERVICES, Operation
from scm_api.sandbox.gcp.settings import Settings
from scm_api.sandbox.gcp.simulator import Simulator, open_simulator
from scm_api.sandbox.ledger import instant
from scm_api.sandbox.listening import Runner

_FOREVER = 3600.0


class RunningServer:
    """A simulator that listens. Use as an async context manager or call `aclose`."""

    def __init__(self, simulator: Simulator, server: Any, port: int, runner: Runner) -> None:
        self.simulator = simulator
        self._server = server
        self._port = port
        self._runner = runner

    @property
    def endpoint(self) -> str:
        """`host:port` of the gRPC service, over TLS."""
        return f"{self.simulator.settings.host}:{self._port}"

    @property
    def control_url(self) -> str:
        """Where the control interface is, over plain HTTP."""
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}{PREFIX}"

    async def aclose(self) -> None:
        """Stop listening and release the state directory."""
        await self._server.stop(grace=0)
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
    server = grpc.aio.server()
    for service, operations in SERVICES.items():
        handlers = {each.name: _handler(simulator, each) for each in operations}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    app = web.Application()
    app.add_routes(control_routes(simulator))
    runner = Runner(app)
    try:
        port = _listen(server, simulator)
        await server.start()
        await runner.setup()
        await web.TCPSite(runner, settings.host, settings.control_port).start()
    except BaseException:
        await server.stop(grace=0)
        await runner.cleanup()
        simulator.close()
        raise
    return RunningServer(simulator, server, port, runner)


def _listen(server: Any, simulator: Simulator) -> int:
    settings, identity = simulator.settings, simulator.identity
    credentials = grpc.ssl_server_credentials([(identity.key, identity.certificate)])
    address = f"{settings.host}:{settings.port}"
    try:
        port = int(server.add_secure_port(address, credentials))
    except RuntimeError as error:
        raise OSError(str(error)) from error
    if port == 0:
        raise OSError(f"{address} cannot be listened on")
    return port


def _handler(simulator: Simulator, operation: Operation) -> Any:
    async def call(request: Any, context: Any) -> Any:
        entry: dict[str, Any] = {
            "time": instant(simulator.now().timestamp()),
            "operation": operation.name,
            "status": "CANCELLED",
            "caller": None,
        }
        try:
            answer = await _respond(simulator, operation, request, context, entry)
        except Refusal as refusal:
            entry["status"] = code_pb2.Code.Name(refusal.status.code)
            await context.abort_with_status(rpc_status.to_status(refusal.status))
        else:
            entry["status"] = "OK"
            return answer
        finally:
            simulator.calls.append(entry)

    return grpc.unary_unary_rpc_method_handler(
        call,
        request_deserializer=operation.request.deserialize,
        response_serializer=operation.response.serialize,
    )


async def _respond(
    simulator: Simulator, operation: Operation, request: Any, context: Any, entry: dict[str, Any]
) -> Any:
    fault = simulator.faults.take(operation.name)
    if fault and fault.when == "before" and not fault.is_in_the_answer:
        await _STRIKES[fault.action](fault)
    if simulator.behaviour.requires_token:
        entry["caller"] = simulator.identity.require_token(context.invocation_metadata())
    answer = operation.carry_out(simulator, request)
    if fault is None:
        return answer
    if fault.is_in_the_answer:
        return _bent(simulator, fault, answer)
    if fault.when == "after":
        await _STRIKES[fault.action](fault)
    return answer


async def _delay(fault: Fault) -> None:
    await asyncio.sleep(fault.seconds)


async def _hang(fault: Fault) -> None:
    await asyncio.sleep(fault.seconds or _FOREVER)


async def _cut(fault: Fault) -> None:
    """What clients see of a connection that ends within a call."""
    await asyncio.sleep(fault.seconds)
    raise Refusal(code_pb2.UNAVAILABLE, "Socket closed")


async def _error(fault: Fault) -> None:
    """`code` is the name of a gRPC code; `seconds` of a used up quota is its RetryInfo."""
    if fault.code == "RESOURCE_EXHAUSTED":
        raise exhausted("privateca.googleapis.com/requests", fault.seconds or None)
    known = code_pb2.Code.items()
    raise Refusal(dict(known).get(fault.code, code_pb2.INTERNAL), "scripted fault")


_STRIKES: dict[str, Callable[[Fault], Awaitable[None]]] = {
    "delay": _delay,
    "hang": _hang,
    "close": _cut,
    "reset": _cut,
    "error": _error,
    "html": _cut,
}


def _bent(simulator: Simulator, fault: Fault, answer: Any) -> Any:
    """An answer with a certificate for another key, or its chain the wrong way round."""
    chain = list(answer.pem_certificate_chain)
    if fault.action == "other_key":
        other = ec.generate_private_key(ec.SECP256R1()).public_key()
        leaf = load_pem_x509_certificate(answer.pem_certificate.encode())
        answer.pem_certificate = signed_again(simulator, answer, leaf, other)
    elif fault.action == "chain_reversed":
        answer.pem_certificate_chain = chain[::-1]
    return answer
