"""What the control interfaces under /_sandbox/ have in common: read what happened, script what will
happen."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from scm_api.sandbox.faults import Fault, FaultQueue

PREFIX = "/_sandbox"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Route = tuple[str, str, Handler]
"""Method, path below the prefix, and what answers."""


class Controlled(Protocol):
    """A simulator, as far as the controls know it."""

    behaviour: Any
    faults: FaultQueue

    @property
    def ledger(self) -> Iterable[Mapping[str, Any]]: ...

    @property
    def calls(self) -> Iterable[Mapping[str, Any]]: ...

    def reset(self) -> None: ...


class Controls:
    """The controls of one simulator, whose behaviour is a model that can be changed."""

    def __init__(self, simulator: Controlled, behaviour: type[BaseModel]) -> None:
        self._controlled = simulator
        self._behaviour = behaviour

    def routes(self, *own: Route) -> list[web.RouteDef]:
        """What every simulator has, and its own. A handler may raise ValidationError for a body
        with faults (422), KeyError for what is not there (404)."""
        everywhere: tuple[Route, ...] = (
            ("GET", "/ledger", self.ledger),
            ("GET", "/calls", self.calls),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("GET", "/settings", self.settings),
            ("PATCH", "/settings", self.change_settings),
            ("POST", "/reset", self.reset),
        )
        return [
            web.route(method, PREFIX + path, _guarded(handler))
            for method, path, handler in (*everywhere, *own)
        ]

    async def changed(self) -> None:
        """Called when the behaviour is another one; a simulator may follow."""

    async def ledger(self, request: web.Request) -> web.Response:
        """What was asked for and done; `kind` narrows it."""
        kind = request.query.get("kind")
        entries = [each for each in self._controlled.ledger if kind in (None, each["kind"])]
        return as_json({"entries": entries})

    async def calls(self, request: web.Request) -> web.Response:
        """Every call there was; `operation` narrows it."""
        wanted = request.query.get("operation")
        entries = [each for each in self._controlled.calls if wanted in (None, each["operation"])]
        return as_json({"entries": entries})

    async def add_fault(self, request: web.Request) -> web.Response:
        self._controlled.faults.add(Fault.model_validate_json(await request.read()))
        return web.Response(status=204)

    async def clear_faults(self, _: web.Request) -> web.Response:
        self._controlled.faults.clear()
        return web.Response(status=204)

    async def settings(self, _: web.Request) -> web.Response:
        return as_json(self._controlled.behaviour.model_dump(mode="json"))

    async def change_settings(self, request: web.Request) -> web.Response:
        """Members that are named replace the present ones; the others stay."""
        present = self._controlled.behaviour.model_dump()
        wanted = present | orjson.loads(await request.read())
        self._controlled.behaviour = self._behaviour.model_validate(wanted)
        await self.changed()
        return await self.settings(request)

    async def reset(self, _: web.Request) -> web.Response:
        self._controlled.reset()
        await self.changed()
        return web.Response(status=204)


def as_json(content: Any, status: int = 200) -> web.Response:
    """An answer in JSON."""
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")


def _guarded(handler: Handler) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ValidationError as error:
            return as_json({"error": error.errors(include_url=False, include_context=False)}, 422)
        except KeyError as error:
            return as_json({"error": f"There is no {error.args[0]}."}, 404)

    return guarded
