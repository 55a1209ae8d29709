"""The control interface under /_sandbox/: read what happened, script what will happen."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from scm_api.sandbox.digicert.orders import advance
from scm_api.sandbox.digicert.settings import Behaviour
from scm_api.sandbox.digicert.simulator import Simulator
from scm_api.sandbox.faults import Fault

PREFIX = "/_sandbox"
Status = Literal["active", "pending", "expired"]
Handler = Callable[[web.Request], Awaitable[web.Response]]


class OrganizationChange(BaseModel):
    """Validations by type, and whether the organization is active."""

    model_config = ConfigDict(extra="forbid")

    validations: dict[Literal["ov", "ev"], Status] = {}
    is_active: bool | None = None


class DomainChange(BaseModel):
    """`token_placed`: the owner did their part, and a check finds it; `complete`: it was found."""

    model_config = ConfigDict(extra="forbid")

    token_placed: bool | None = None
    complete: bool | None = None


class KeyChange(BaseModel):
    """Whether an API key is revoked."""

    model_config = ConfigDict(extra="forbid")

    key: str
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
        ("PATCH", "/organizations/{id}", control.change_organization),
        ("PATCH", "/domains/{name}", control.change_domain),
        ("POST", "/keys", control.change_key),
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
        present = self._simulator.behaviour.model_dump()
        changed = present | orjson.loads(await request.read())
        self._simulator.behaviour = Behaviour.model_validate(changed)
        return await self.settings(request)

    async def change_organization(self, request: web.Request) -> web.Response:
        change = OrganizationChange.model_validate_json(await request.read())
        number = request.match_info["id"]
        documents = self._simulator.documents
        organization = documents.get("organization", int(number) if number.isdecimal() else 0)
        if organization is None:
            raise KeyError(f"organization {number}")
        for each in organization["validations"]:
            each["status"] = change.validations.get(each["type"], each["status"])
        if change.is_active is not None:
            organization["is_active"] = change.is_active
            organization["status"] = "active" if change.is_active else "inactive"
        documents.put("organization", organization)
        self._advance_all()
        return web.Response(status=204)

    async def change_domain(self, request: web.Request) -> web.Response:
        change = DomainChange.model_validate_json(await request.read())
        name = request.match_info["name"]
        found = [each for each in self._simulator.documents.of("domain") if each["name"] == name]
        if not found:
            raise KeyError(f"domain {name}")
        for domain in found:
            if change.token_placed is not None:
                domain["token_placed"] = change.token_placed
            if change.complete is not None:
                domain["status"] = "complete" if change.complete else "pending"
            self._simulator.documents.put("domain", domain)
        self._advance_all()
        return web.Response(status=204)

    async def change_key(self, request: web.Request) -> web.Response:
        change = KeyChange.model_validate_json(await request.read())
        keys = self._simulator.revoked_keys
        (keys.add if change.revoked else keys.discard)(change.key)
        return web.Response(status=204)

    async def reset(self, _: web.Request) -> web.Response:
        self._simulator.reset()
        return web.Response(status=204)

    def _advance_all(self) -> None:
        """DigiCert goes on by itself once a validation is there."""
        for order in self._simulator.documents.of("order"):
            advance(self._simulator, order)


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")
