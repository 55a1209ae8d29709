"""The control interface under /_sandbox/: read what happened, script what will happen."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import orjson
from aiohttp import web
from google.cloud.security.privateca_v1 import types as T  # noqa: N812 -- a namespace of messages
from pydantic import BaseModel, ConfigDict, ValidationError

from scm_api.sandbox.faults import Fault
from scm_api.sandbox.gcp.settings import Behaviour
from scm_api.sandbox.gcp.simulator import Simulator

PREFIX = "/_sandbox"
Handler = Callable[[web.Request], Awaitable[web.Response]]


class AuthorityChange(BaseModel):
    """The state of one CA, by its resource name."""

    model_config = ConfigDict(extra="forbid")

    name: str
    state: Literal["ENABLED", "DISABLED", "STAGED"]


class TemplateChange(BaseModel):
    """Whether a template lets the names of requests pass."""

    model_config = ConfigDict(extra="forbid")

    name: str
    passes_names: bool


class RightChange(BaseModel):
    """Whether the service account has a permission."""

    model_config = ConfigDict(extra="forbid")

    permission: str
    granted: bool


def control_routes(simulator: Simulator) -> list[web.RouteDef]:
    """All routes of the control interface."""
    control = _Control(simulator)
    table: tuple[tuple[str, str, Handler], ...] = (
        ("GET", "/ledger", control.ledger),
        ("GET", "/calls", control.calls),
        ("POST", "/faults", control.add_fault),
        ("DELETE", "/faults", control.clear_faults),
        ("GET", "/settings", control.settings),
        ("PATCH", "/settings", control.change_settings),
        ("POST", "/authorities", control.change_authority),
        ("POST", "/templates", control.change_template),
        ("POST", "/rights", control.change_right),
        ("POST", "/reset", control.reset),
    )
    return [web.route(method, PREFIX + path, _guarded(handler)) for method, path, handler in table]


def _guarded(handler: Handler) -> Handler:
    async def guarded(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except ValidationError as error:
            return _json({"error": error.errors(include_url=False, include_context=False)}, 422)
        except KeyError as error:
            return _json({"error": f"There is no {error.args[0]}."}, 404)

    return guarded


class _Control:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def ledger(self, request: web.Request) -> web.Response:
        """What was issued and revoked; `kind` narrows it."""
        kind = request.query.get("kind")
        entries = [each for each in self._simulator.ledger if kind in (None, each["kind"])]
        return _json({"entries": entries})

    async def calls(self, request: web.Request) -> web.Response:
        """Every call there was; `operation` narrows it."""
        wanted = request.query.get("operation")
        entries = [each for each in self._simulator.calls if wanted in (None, each["operation"])]
        return _json({"entries": entries})

    async def add_fault(self, request: web.Request) -> web.Response:
        self._simulator.faults.add(Fault.model_validate_json(await request.read()))
        return web.Response(status=204)

    async def clear_faults(self, _: web.Request) -> web.Response:
        self._simulator.faults.clear()
        return web.Response(status=204)

    async def settings(self, _: web.Request) -> web.Response:
        return _json(self._simulator.behaviour.model_dump(mode="json"))

    async def change_settings(self, request: web.Request) -> web.Response:
        """Members that are named replace the present ones; the others stay."""
        present = self._simulator.behaviour.model_dump()
        changed = present | orjson.loads(await request.read())
        self._simulator.behaviour = Behaviour.model_validate(changed)
        return await self.settings(request)

    async def change_authority(self, request: web.Request) -> web.Response:
        change = AuthorityChange.model_validate_json(await request.read())
        if change.name not in self._simulator.states:
            raise KeyError(f"certificate authority {change.name}")
        self._simulator.states[change.name] = getattr(T.CertificateAuthority.State, change.state)
        return web.Response(status=204)

    async def change_template(self, request: web.Request) -> web.Response:
        change = TemplateChange.model_validate_json(await request.read())
        if change.name not in self._simulator.templates:
            raise KeyError(f"certificate template {change.name}")
        constraints = self._simulator.templates[change.name].identity_constraints
        constraints.allow_subject_alt_names_passthrough = change.passes_names
        return web.Response(status=204)

    async def change_right(self, request: web.Request) -> web.Response:
        change = RightChange.model_validate_json(await request.read())
        lost = self._simulator.denied
        (lost.discard if change.granted else lost.add)(change.permission)
        return web.Response(status=204)

    async def reset(self, _: web.Request) -> web.Response:
        self._simulator.reset()
        return web.Response(status=204)


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")
