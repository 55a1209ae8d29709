"""The control interface under /_sandbox/: read what happened, script what will happen."""

from typing import Literal

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict

from scm_api.sandbox.controls import Controls, as_json
from scm_api.sandbox.microsoft import catalogue
from scm_api.sandbox.microsoft.authority import IssuingDesk
from scm_api.sandbox.microsoft.changes import changed_account, changed_template
from scm_api.sandbox.microsoft.hresults import Refusal, text
from scm_api.sandbox.microsoft.settings import Behaviour


class Resolution(BaseModel):
    """What a certificate manager does with a pending request."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["issue", "deny"]


def control_routes(desk: IssuingDesk) -> list[web.RouteDef]:
    """All routes of the control interface."""
    control = _Control(desk)
    return control.routes(
        ("GET", "/requests", control.requests),
        ("POST", "/requests/{number}", control.resolve),
        ("PATCH", "/templates/{name}", control.change_template),
        ("PATCH", "/accounts/{name}", control.change_account),
    )


class _Control(Controls):
    def __init__(self, desk: IssuingDesk) -> None:
        super().__init__(desk.simulator, Behaviour)
        self._desk = desk
        self._simulator = desk.simulator

    async def changed(self) -> None:
        """What listens beside the site follows."""
        await self._simulator.changed()

    async def requests(self, _: web.Request) -> web.Response:
        """What the CA knows of every request."""
        return as_json({"entries": list(self._simulator.documents.of("request"))})

    async def resolve(self, request: web.Request) -> web.Response:
        """As the CA's certificate manager. 409 for what is not pending."""
        resolution = Resolution.model_validate_json(await request.read())
        number = request.match_info["number"]
        if not number.isdigit() or not self._simulator.documents.get("request", int(number)):
            raise KeyError(f"request {number}")
        manager = catalogue.MANAGER
        try:
            reply = self._desk.resolve(manager, int(number), issue=resolution.action == "issue")
        except Refusal as refusal:
            return as_json({"error": text(refusal.hresult, "en")}, 409)
        return as_json({"disposition": reply.disposition, "message": reply.message})

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
