"""The control interface under /_sandbox/: read what happened, script what will happen."""

from typing import Literal

from aiohttp import web
from google.cloud.security.privateca_v1 import types as T  # noqa: N812 -- a namespace of messages
from pydantic import BaseModel, ConfigDict

from scm_api.sandbox.controls import Controls
from scm_api.sandbox.gcp.settings import Behaviour
from scm_api.sandbox.gcp.simulator import Simulator


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
    return control.routes(
        ("POST", "/authorities", control.change_authority),
        ("POST", "/templates", control.change_template),
        ("POST", "/rights", control.change_right),
    )


class _Control(Controls):
    def __init__(self, simulator: Simulator) -> None:
        super().__init__(simulator, Behaviour)
        self._simulator = simulator

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
