"""The control interface under /_sandbox/: read what happened, script what will happen."""

from typing import Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from scm_api.sandbox.controls import Controls
from scm_api.sandbox.digicert.orders import advance
from scm_api.sandbox.digicert.settings import Behaviour
from scm_api.sandbox.digicert.simulator import Simulator

Status = Literal["active", "pending", "expired"]


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
    return control.routes(
        ("PATCH", "/organizations/{id}", control.change_organization),
        ("PATCH", "/domains/{name}", control.change_domain),
        ("POST", "/keys", control.change_key),
    )


class _Control(Controls):
    def __init__(self, simulator: Simulator) -> None:
        super().__init__(simulator, Behaviour)
        self._simulator = simulator

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

    def _advance_all(self) -> None:
        """DigiCert goes on by itself once a validation is there."""
        for order in self._simulator.documents.of("order"):
            advance(self._simulator, order)
