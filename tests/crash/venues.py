"""Where scenes play: a CA and a database with all that an enrollment needs, made once for many
scenes one after the other.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client import Client
from fastapi import FastAPI
from stage import OpenStage, Stage

from api_client import Api, Contract
from databases import Databases
from estate import Chain, Estate
from running import settings_for
from scm_api.access.provisioning import create_admin_with_key
from scm_api.app import create_app
from scm_api.db.session import Database
from scm_api.settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """How a simulator runs on a directory, and how all that enrolling at it needs is made."""

    running: Callable[[Path], AbstractContextManager[Any]]
    chain: Callable[[Estate, Any], Awaitable[Chain]]


OpenAt = Callable[[Kind], OpenStage]


@dataclass(frozen=True, slots=True)
class Venue:
    """`url` is of the database to clone, `key` an API key of its MRAO."""

    ca: Any
    url: str
    key: str
    chain: Chain


class Venues:
    """Keeps them until `stack` closes; a scene takes a free one of its kind."""

    def __init__(
        self,
        databases: Databases,
        app: FastAPI,
        contract: Contract,
        directory: Callable[[], Path],
        stack: ExitStack,
    ) -> None:
        """`app` is an API that is not started; `directory` makes a new one at each call."""
        self._databases = databases
        self._apps = [app]
        self._contract = contract
        self._directory = directory
        self._stack = stack
        self._free: defaultdict[Kind, list[Venue]] = defaultdict(list)

    @asynccontextmanager
    async def stage(self, kind: Kind, environment: Mapping[str, str]) -> AsyncIterator[Stage]:
        """A CA at which nothing was ordered, a database of the scene's own, and no worker yet.

        What a scene that fails leaves behind nobody else gets.
        """
        free = self._free[kind]
        venue = free.pop() if free else await self._made(kind)
        venue.ca.control("POST", "/reset", {"issued": True})
        directory = self._directory()
        url = self._databases.clone(venue.url)
        async with self._started(url, directory) as (app, database):
            client = Client(Api(app, self._contract, venue.key).http, venue.chain)
            here = {**environment, "SCM_DATABASE_URL": url}
            with closing(Stage(client, venue.ca, database, here, directory)) as stage:
                yield stage
        self._databases.drop(url)
        free.append(venue)

    async def _made(self, kind: Kind) -> Venue:
        directory = self._directory()
        # In a thread: scenes that play meanwhile would take a loop that stands still for a database
        # that is away.
        ca = await asyncio.to_thread(self._stack.enter_context, kind.running(directory / "ca"))
        url = self._databases.clone()
        async with self._started(url, directory) as (app, database):
            key = await create_admin_with_key(database, "Ada", "ada@example.com")
            chain = await kind.chain(Estate(Api(app, self._contract, key), ""), ca)
        return Venue(ca, url, key, chain)

    @asynccontextmanager
    async def _started(self, url: str, directory: Path) -> AsyncIterator[tuple[FastAPI, Database]]:
        """An API on this database, which works out its routes only once."""
        app = self._apps.pop() if self._apps else create_app(Settings())
        app.state.settings = settings_for(url, directory)
        async with app.router.lifespan_context(app):
            yield app, app.state.resources.database
        self._apps.append(app)
