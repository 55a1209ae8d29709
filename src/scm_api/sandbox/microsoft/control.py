"""The control interface under /_sandbox/: read what happened, script what will happen."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from scm_api.sandbox.faults import Fault
from scm_api.sandbox.microsoft import catalogue
from scm_api.sandbox.microsoft.authority import IssuingDesk
from scm_api.sandbox.microsoft.changes import changed_account, changed_template
from scm_api.sandbox.microsoft.hresults import Refusal, text
from scm_api.sandbox.microsoft.settings import Behaviour
from scm_api.sandbox.microsoft.simulator import Simulator

PREFIX = "/_sandbox"
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Resolution(BaseModel):
    """What a certificate manager does with a pending request."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["issue", "deny"]


def control_routes(desk: IssuingDesk) -> list[web.RouteDef]:
    """All routes of the control interface."""
    control = _Control(desk)
    table: tuple[tuple[str, str, Handler], ...] = (
        ("GET", "/ledger", control.ledger),
        ("GET", "/calls", control.calls),
        ("POST", "/faults", control.add_fault),
        ("DELETE", "/faults", control.clear_faults),
        ("GET", "/settings", control.settings),
        ("PATCH", "/settings", control.change_settings),
        ("GET", "/requests", control.requests),
        ("POST", "/requests/{number}", control.resolve),
        ("PATCH", "/templates/{name}", control.change_template),
        ("PATCH", "/accounts/{name}", control.change_account),
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
        except Refusal as refusal:
            return _json({"error": text(refusal.hresult, "en")}, 409)

    return guarded


class _Control:
    def __init__(self, desk: IssuingDesk) -> None:
        self._desk = desk

    @property
    def _simulator(self) -> Simulator:
        return self._desk.simulator

    async def ledger(self, request: web.Request) -> web.Response:
        """What was asked for, issued, denied and revoked; `kind` narrows it."""
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
        changed = self._simulator.behaviour.model_dump() | orjson.loads(await request.read())
        self._simulator.behaviour = Behaviour.model_validate(changed)
        await self._simulator.changed()
        return await self.settings(request)

    async def requests(self, _: web.Request) -> web.Response:
        """What the CA knows of every request."""
        return _json({"entries": list(self._simulator.documents.of("request"))})

    async def resolve(self, request: web.Request) -> web.Response:
        """As the CA's certificate manager. 409 for what is not pending."""
        resolution = Resolution.model_validate_json(await request.read())
        number = request.match_info["number"]
        if not number.isdigit() or not self._simulator.documents.get("request", int(number)):
            raise KeyError(f"request {number}")
        manager = catalogue.MANAGER
        reply = self._desk.resolve(manager, int(number), issue=resolution.action == "issue")
        return _json({"disposition": reply.disposition, "message": reply.message})

    async def change_template(self, request: web.Request) -> web.Response:
        """Members of the template that are named replace the present ones; `published` too."""
        changes = orjson.loads(await request.read())
        name = request.match_info["name"]
        self._simulator.domain = changed_template(self._simulator.domain, name, changes)
        return web.Response(status=204)

    async def change_account(self, request: web.Request) -> web.Response:
        """Members of the account that are named replace the present ones."""
        changes = orjson.loads(await request.read())
        name = request.match_info["name"]
        self._simulator.domain = changed_account(self._simulator.domain, name, changes)
        return web.Response(status=204)

    async def reset(self, _: web.Request) -> web.Response:
        self._simulator.reset()
        await self._simulator.changed()
        return web.Response(status=204)


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")
