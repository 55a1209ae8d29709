"""The control interface under /_sandbox/: read what happened, script what will happen."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from scm_api.sandbox.aws.authorities import Authority
from scm_api.sandbox.aws.catalogue import Status
from scm_api.sandbox.aws.faults import AnyFault, Fault
from scm_api.sandbox.aws.identities import Credentials
from scm_api.sandbox.aws.settings import Behaviour
from scm_api.sandbox.aws.simulator import Simulator
from scm_api.sandbox.ledger import Entry, JsonLines

PREFIX = "/_sandbox"
_MAX_PAGE = 1000
_FAULT: TypeAdapter[AnyFault] = TypeAdapter(Fault)
T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.Response]]


class ControlError(Exception):
    """A control request that cannot be done. `faults` name the fields at fault."""

    def __init__(
        self, status: int, code: str, message: str, faults: list[dict[str, str]] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"code": code, "message": message, "faults": faults or []}}


class _AuthorityPatch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Status


class _Reset(BaseModel):
    model_config = ConfigDict(extra="forbid")

    issued: bool = False


def control_routes(simulator: Simulator) -> list[web.AbstractRouteDef]:
    """All routes of the control interface; every answer, errors too, is JSON."""
    control = _Control(simulator)
    table: tuple[tuple[Literal["GET", "POST", "PUT", "PATCH", "DELETE"], str, Handler], ...] = (
        ("GET", "", control.overview),
        ("GET", "/", control.overview),
        ("GET", "/ledger", control.ledger),
        ("GET", "/calls", control.calls),
        ("GET", "/faults", control.faults),
        ("POST", "/faults", control.add_fault),
        ("DELETE", "/faults", control.clear_faults),
        ("DELETE", "/faults/{id}", control.remove_fault),
        ("GET", "/settings", control.settings),
        ("PATCH", "/settings", control.change_settings),
        ("GET", "/credentials", control.credentials),
        ("PUT", "/credentials", control.replace_credentials),
        ("GET", "/certificate-authorities", control.authorities),
        ("PATCH", "/certificate-authorities/{id}", control.change_authority),
        ("POST", "/reset", control.reset),
    )
    routes = [
        web.route(method, PREFIX + path, _as_json(handler)) for method, path, handler in table
    ]
    return [*routes, web.route("*", PREFIX + "{rest:(/.*)?}", _as_json(_no_such_route))]


class _Control:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def overview(self, _: web.Request) -> web.Response:
        """Where and as whom a client can begin."""
        simulator = self._simulator
        key = simulator.credentials.access_keys[0]
        return _json(
            {
                "region": simulator.settings.region,
                "account_id": key.account_id,
                "access_key_id": key.access_key_id,
                "secret_access_key": key.secret_access_key,
                "certificate_authorities": [self._describe(a) for a in simulator.authorities],
            }
        )

    async def ledger(self, request: web.Request) -> web.Response:
        return _page(request, self._simulator.ledger, ("kind", "certificate_authority_arn"))

    async def calls(self, request: web.Request) -> web.Response:
        return _page(request, self._simulator.calls, ("operation", "outcome", "error"))

    async def faults(self, _: web.Request) -> web.Response:
        return _json({"faults": [queued.as_json() for queued in self._simulator.faults]})

    async def add_fault(self, request: web.Request) -> web.Response:
        fault = _valid(_FAULT, await _body(request))
        return _json(self._simulator.faults.add(fault).as_json(), 201)

    async def clear_faults(self, _: web.Request) -> web.Response:
        self._simulator.faults.clear()
        return web.Response(status=204)

    async def remove_fault(self, request: web.Request) -> web.Response:
        fault_id = request.match_info["id"]
        if not fault_id.isdecimal() or not self._simulator.faults.remove(int(fault_id)):
            raise ControlError(404, "not-found", f"There is no fault {fault_id}.")
        return web.Response(status=204)

    async def settings(self, _: web.Request) -> web.Response:
        return _json(self._simulator.behaviour.model_dump(mode="json"))

    async def change_settings(self, request: web.Request) -> web.Response:
        """Members that are named replace the present ones as a whole; the others stay."""
        present = self._simulator.behaviour.model_dump()
        changed = _valid(TypeAdapter(Behaviour), present | await _body(request))
        self._simulator.behave(changed)
        return _json(changed.model_dump(mode="json"))

    async def credentials(self, _: web.Request) -> web.Response:
        return _json(self._simulator.credentials.model_dump(mode="json"))

    async def replace_credentials(self, request: web.Request) -> web.Response:
        credentials = _valid(TypeAdapter(Credentials), await _body(request))
        self._simulator.credentials = credentials
        return _json(credentials.model_dump(mode="json"))

    async def authorities(self, _: web.Request) -> web.Response:
        described = [self._describe(authority) for authority in self._simulator.authorities]
        return _json({"certificate_authorities": described})

    async def change_authority(self, request: web.Request) -> web.Response:
        authority_id = request.match_info["id"]
        authority = self._simulator.authorities.by_id(authority_id)
        if authority is None:
            raise ControlError(404, "not-found", f"There is no CA {authority_id}.")
        patch = _valid(TypeAdapter(_AuthorityPatch), await _body(request))
        self._simulator.authorities.set_status(authority, patch.status, self._simulator.now())
        return _json(self._describe(authority))

    async def reset(self, request: web.Request) -> web.Response:
        """Faults, settings, credentials, CA states and calls as at the start; certificates stay
        unless `issued` is true."""
        asked = _valid(TypeAdapter(_Reset), await _body(request))
        self._simulator.reset(issued=asked.issued)
        return web.Response(status=204)

    def _describe(self, authority: Authority) -> dict[str, Any]:
        spec = authority.spec
        return {
            "id": spec.id,
            "arn": authority.arn,
            "common_name": spec.common_name,
            "region": authority.region,
            "owner_account": spec.owner_account,
            "status": authority.status_at(self._simulator.now()),
            "key_algorithm": spec.key_algorithm,
            "signing_algorithm": spec.signing_algorithm,
            "usage_mode": spec.usage_mode,
            "certificate_pem": authority.certificate_pem,
            "chain_pem": authority.chain_pem,
        }


def _as_json(handler: Handler) -> Handler:
    async def guarded(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except ControlError as error:
            return _json(error.body, error.status)

    return guarded


async def _no_such_route(request: web.Request) -> web.Response:
    message = f"{request.method} {request.path} is not part of the control interface."
    raise ControlError(404, "not-found", message)


async def _body(request: web.Request) -> dict[str, Any]:
    """The request's JSON object; an empty body is an empty object."""
    try:
        body = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError as error:
        raise ControlError(400, "malformed", f"The body is not JSON: {error}.") from error
    if not isinstance(body, dict):
        raise ControlError(400, "malformed", "The body is not a JSON object.")
    return body


def _valid(adapter: TypeAdapter[T], given: Mapping[str, Any]) -> T:
    try:
        return adapter.validate_python(given)
    except ValidationError as error:
        faults = [
            {"field": ".".join(map(str, fault["loc"])), "message": fault["msg"]}
            for fault in error.errors(include_url=False)
        ]
        raise ControlError(422, "invalid", "The body has faults.", faults) from error


def _page(request: web.Request, lines: JsonLines, filters: tuple[str, ...]) -> web.Response:
    """Entries in order, `next` being the cursor to pass as `after` for what comes later."""
    if unknown := set(request.query) - {"after", "limit", *filters}:
        message = f"Unknown parameters: {', '.join(sorted(unknown))}."
        raise ControlError(400, "malformed", message)
    after = _number(request, "after", 0, maximum=2**62)
    limit = _number(request, "limit", _MAX_PAGE, maximum=_MAX_PAGE)

    def wanted(entry: Entry) -> bool:
        return all(
            entry.get(name) == request.query[name] for name in filters if name in request.query
        )

    try:
        page = lines.page(after, limit, wanted)
    except ValueError as error:
        raise ControlError(400, "malformed", f"{error}.") from error
    return _json({"entries": page.entries, "next": page.next})


def _number(request: web.Request, name: str, default: int, maximum: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or int(text) > maximum:
        message = f"{name} is not a number from 0 to {maximum}."
        raise ControlError(400, "malformed", message)
    return int(text)


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
