"""How simulators listen over HTTP."""

import asyncio
from typing import Any, Final
from weakref import WeakSet

from aiohttp import web
from aiohttp.typedefs import Handler

_SHUTDOWN_SECONDS: Final = 2.0


class Runner(web.AppRunner):
    """Runs an application. After `cleanup` nothing is handled any more, not even for clients that
    have gone, of which aiohttp knows nothing then."""

    def __init__(self, app: web.Application, **settings: Any) -> None:
        super().__init__(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, **settings)
        self._serving: WeakSet[asyncio.Task[None]] = WeakSet()
        app.middlewares.append(self._noted)

    @web.middleware
    async def _noted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._serving.add(request.task)
        return await handler(request)

    async def cleanup(self) -> None:
        await super().cleanup()
        left = [task for task in self._serving if not task.done()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
