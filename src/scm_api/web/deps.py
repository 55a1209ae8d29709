"""What the application holds for its requests, and how a handler gets at it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from scm_api.core.sealing import KeyRing
from scm_api.core.weak_keys import KeyChecks
from scm_api.db.session import Database
from scm_api.gateway.connections import Gateway
from scm_api.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    """Opened at start, closed at shutdown, shared by all requests of one process."""

    settings: Settings
    database: Database
    ring: KeyRing
    gateway: Gateway
    key_checks: KeyChecks


# Dependencies are coroutines even if they await nothing: FastAPI sends plain functions to a
# thread, which costs a request more than all that they do.
async def _resources(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


async def _database(request: Request) -> Database:
    resources: Resources = request.app.state.resources
    return resources.database


App = Annotated[Resources, Depends(_resources)]
Db = Annotated[Database, Depends(_database)]
