"""The control interface under /_sandbox/: read what happened, script what will happen."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from scm_api.sandbox.entrust.certificates import settle
from scm_api.sandbox.entrust.settings import Behaviour
from scm_api.sandbox.entrust.simulator import Simulator
from scm_api.sandbox.faults import Fault

PREFIX = "/_sandbox"
Status = Literal[
    "APPROVED",
    "DECLINED",
    "CANCELLED",
    "INITIAL_VERIFICATION",
    "RE_VERIFICATION",
    "EXPIRED",
    "EXPIRING",
]
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Change(BaseModel):
    """The state of the verification of an organization with its client, or of a domain."""

    model_config = ConfigDict(extra="forbid")

    status: Status


class UserChange(BaseModel):
    """Whether the key of an API user is revoked."""

    model_config = ConfigDict(extra="forbid")

    user: str
    revoked: bool


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
        ("PATCH", "/organizations/{name}", control.change_organization),
        ("PATCH", "/domains/{name}", control.change_domain),
        ("POST", "/users", control.change_user),
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
        """What was ordered, issued and revoked; `kind` narrows it."""
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
        return await self.settings(request)

    async def change_organization(self, request: web.Request) -> web.Response:
        """The organization, and the client that bears its name."""
        change = Change.model_validate_json(await request.read())
        name = request.match_info["name"]
        documents = self._simulator.documents
        found = [each for each in documents.of("organization") if each["name"] == name]
        if not found:
            raise KeyError(f"organization {name}")
        for organization in found:
            documents.put("organization", organization | {"status": change.status})
        for client in documents.of("client"):
            if client["clientName"] == name:
                states = {
                    "verificationStatus": change.status,
                    "evVerificationStatus": change.status,
                }
                documents.put("client", client | states)
        return web.Response(status=204)

    async def change_domain(self, request: web.Request) -> web.Response:
        """What waits for the domain goes on by itself."""
        change = Change.model_validate_json(await request.read())
        name, documents = request.match_info["name"], self._simulator.documents
        found = [each for each in documents.of("domain") if each["domainName"] == name]
        if not found:
            raise KeyError(f"domain {name}")
        for domain in found:
            documents.put("domain", domain | {"verificationStatus": change.status})
        for certificate in documents.of("certificate"):
            settle(self._simulator, certificate)
        return web.Response(status=204)

    async def change_user(self, request: web.Request) -> web.Response:
        change = UserChange.model_validate_json(await request.read())
        users = self._simulator.revoked_users
        (users.add if change.revoked else users.discard)(change.user)
        return web.Response(status=204)

    async def reset(self, _: web.Request) -> web.Response:
        self._simulator.reset()
        return web.Response(status=204)


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")
