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


def resources_of(request: Request) -> Resources:
    """The process's resources."""
    resources: Resources = request.app.state.resources
    return resources


def _database(request: Request) -> Database:
    return resources_of(request).database


App = Annotated[Resources, Depends(resources_of)]
Db = Annotated[Database, Depends(_database)]
