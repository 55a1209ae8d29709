"""The control interface under /_sandbox/: read what happened, script what will happen."""

from typing import Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from scm_api.sandbox.controls import Controls
from scm_api.sandbox.entrust.certificates import settle
from scm_api.sandbox.entrust.settings import Behaviour
from scm_api.sandbox.entrust.simulator import Simulator

Status = Literal[
    "APPROVED",
    "DECLINED",
    "CANCELLED",
    "INITIAL_VERIFICATION",
    "RE_VERIFICATION",
    "EXPIRED",
    "EXPIRING",
]


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
    return control.routes(
        ("PATCH", "/organizations/{name}", control.change_organization),
        ("PATCH", "/domains/{name}", control.change_domain),
        ("POST", "/users", control.change_user),
    )


class _Control(Controls):
    def __init__(self, simulator: Simulator) -> None:
        super().__init__(simulator, Behaviour)
        self._simulator = simulator

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
