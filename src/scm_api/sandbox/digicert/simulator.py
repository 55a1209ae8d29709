"""Everything one running simulator knows, and how its state directory is opened and locked."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO

from scm_api.sandbox.authority import Hierarchy, open_hierarchy
from scm_api.sandbox.digicert import catalogue
from scm_api.sandbox.digicert.catalogue import Key
from scm_api.sandbox.digicert.errors import denied, too_many_requests
from scm_api.sandbox.digicert.settings import Behaviour, Settings
from scm_api.sandbox.documents import Documents
from scm_api.sandbox.faults import FaultQueue
from scm_api.sandbox.ledger import JsonLines
from scm_api.sandbox.rates import Rates
from scm_api.sandbox.state import lock_state

_MADE_BY_CLIENTS = ("order", "certificate", "request")


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
    lock: IO[str]
    faults: FaultQueue = field(default_factory=FaultQueue)
    revoked_keys: set[str] = field(default_factory=set)
    clock: Callable[[], float] = time.time
    _rates: Rates = field(default_factory=Rates)

    def now(self) -> datetime:
        """UTC, moved by the clock offset."""
        moved = self.clock() + self.behaviour.clock_offset_seconds
        return datetime.fromtimestamp(moved, UTC)

    def admit(self, text: str | None) -> Key:
        """Whose key it is, within its rate limits. Raises ApiError."""
        key = next((each for each in catalogue.KEYS if each.text == text), None)
        if key is None or key.text in self.revoked_keys:
            raise denied("access_denied_invalid_key")
        if self._rates.exceeded(key.text, self.behaviour.rate_limits):
            raise too_many_requests()
        return key

    def reset(self) -> None:
        """Back to the start: nothing ordered, no faults, every key and organization as it was."""
        self.documents.forget(*_MADE_BY_CLIENTS, "organization", "domain")
        fill(self.documents)
        self.ledger.clear()
        self.calls.clear()
        self.faults.clear()
        self.revoked_keys.clear()
        self._rates.clear()
        self.behaviour = self.settings.behaviour

    def close(self) -> None:
        self.documents.close()
        self.ledger.close()
        self.calls.close()
        self.lock.close()


def fill(documents: Documents) -> None:
    """What every account has before its first order."""
    for kind, entries in (
        ("organization", catalogue.organizations()),
        ("domain", catalogue.domains()),
    ):
        for entry in entries:
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
        lock=lock,
    )
