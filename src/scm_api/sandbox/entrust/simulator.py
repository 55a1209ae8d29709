"""Everything one running simulator knows, and how its state directory is opened and locked."""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO

from scm_api.sandbox.authority import Hierarchy, open_hierarchy
from scm_api.sandbox.documents import Documents
from scm_api.sandbox.entrust import catalogue
from scm_api.sandbox.entrust.catalogue import User
from scm_api.sandbox.entrust.errors import ApiError
from scm_api.sandbox.entrust.settings import Behaviour, Settings
from scm_api.sandbox.entrust.transport import Transport, open_transport
from scm_api.sandbox.faults import FaultQueue
from scm_api.sandbox.ledger import JsonLines
from scm_api.sandbox.rates import Rates
from scm_api.sandbox.state import lock_state

_FIXED = {
    "client": catalogue.clients,
    "organization": catalogue.organizations,
    "domain": catalogue.domains,
    "inventory": catalogue.inventories,
}
_MADE_BY_CLIENTS = ("certificate", "gateway_certificate")


class TooManyRequests(Exception):
    """Throttled: 429 with Retry-After and X-Rate-Limit-Limit."""

    def __init__(self, limit: int, retry_after: int) -> None:
        super().__init__(limit)
        self.limit = limit
        self.retry_after = retry_after


@dataclass
class Simulator:
    """The state behind all operations. Used from one event loop only."""

    settings: Settings
    behaviour: Behaviour
    documents: Documents
    ledger: JsonLines
    calls: JsonLines
    public: Hierarchy
    private: Hierarchy
    gateway: Hierarchy
    transport: Transport
    lock: IO[str]
    faults: FaultQueue = field(default_factory=FaultQueue)
    revoked_users: set[str] = field(default_factory=set)
    clock: Callable[[], float] = time.time
    _rates: Rates = field(default_factory=Rates)

    def now(self) -> datetime:
        """UTC, moved by the clock offset."""
        moved = self.clock() + self.behaviour.clock_offset_seconds
        return datetime.fromtimestamp(moved, UTC)

    def admit(self, authorization: str | None, certificate_der: bytes | None) -> User:
        """Which API user calls. Raises ApiError and TooManyRequests.

        Where a client certificate was chosen for the user, each connection has to bring it.
        """
        user = _user(authorization)
        if user is None or user.name in self.revoked_users:
            raise ApiError(401, "Invalid user name or API key")
        if user.needs_certificate and not self.transport.is_of(user.name, certificate_der):
            raise ApiError(403, "The client certificate of this API user is required")
        self.pace(user.name)
        return user

    def pace(self, caller: str) -> None:
        """Count one call. Raises TooManyRequests."""
        if limit := self._rates.exceeded(caller, self.behaviour.rate_limits):
            most, seconds = limit
            raise TooManyRequests(most, max(1, round(seconds)))

    def reset(self) -> None:
        """Back to the start: nothing issued, no faults, every organization as it was."""
        self.documents.forget(*_MADE_BY_CLIENTS, *_FIXED)
        fill(self.documents)
        self.ledger.clear()
        self.calls.clear()
        self.faults.clear()
        self.revoked_users.clear()
        self._rates.clear()
        self.behaviour = self.settings.behaviour

    def close(self) -> None:
        self.documents.close()
        self.ledger.close()
        self.calls.close()
        self.lock.close()


def fill(documents: Documents) -> None:
    """What every account has before its first request."""
    for kind, entries in _FIXED.items():
        for entry in entries():
            documents.put(kind, entry)


def open_simulator(settings: Settings) -> Simulator:
    """Open or create the state directory.

    Raises StateError when it cannot be used: no rights, or taken by another simulator.
    """
    state = settings.state
    lock = lock_state(state)
    documents = Documents(state / "documents.db")
    if not any(documents.of("organization")):
        fill(documents)
    return Simulator(
        settings=settings,
        behaviour=settings.behaviour,
        documents=documents,
        ledger=JsonLines(state / "ledger.jsonl"),
        calls=JsonLines(state / "calls.jsonl"),
        public=open_hierarchy(state, "public"),
        private=open_hierarchy(state, "private"),
        gateway=open_hierarchy(state, "gateway"),
        transport=open_transport(state),
        lock=lock,
    )


def _user(authorization: str | None) -> User | None:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, key = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    found = (each for each in catalogue.USERS if (each.name, each.api_key) == (name, key))
    return next(found, None)
