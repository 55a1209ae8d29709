"""Everything one running simulator knows, and how its state directory is opened and locked."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any

from google.cloud.security.privateca_v1 import types as T  # noqa: N812 -- a namespace of messages

from scm_api.sandbox.authority import Hierarchy, open_hierarchy
from scm_api.sandbox.documents import Documents
from scm_api.sandbox.faults import FaultQueue
from scm_api.sandbox.gcp import catalogue
from scm_api.sandbox.gcp.errors import exhausted
from scm_api.sandbox.gcp.identity import Identity, open_identity
from scm_api.sandbox.gcp.settings import Behaviour, Settings
from scm_api.sandbox.ledger import JsonLines
from scm_api.sandbox.state import lock_state

_METRIC = "privateca.googleapis.com/create_certificate_requests"


@dataclass
class Simulator:
    """The state behind all operations. Used from one event loop only.

    `states` are those of the CAs by resource name, `denied` permissions that the caller has lost.
    """

    settings: Settings
    behaviour: Behaviour
    documents: Documents
    ledger: JsonLines
    calls: JsonLines
    identity: Identity
    hierarchies: dict[str, Hierarchy]
    lock: IO[str]
    pools: dict[str, T.CaPool]
    templates: dict[str, T.CertificateTemplate]
    states: dict[str, Any]
    denied: set[str] = field(default_factory=set)
    faults: FaultQueue = field(default_factory=FaultQueue)
    clock: Callable[[], float] = time.time
    _issued: dict[str, deque[float]] = field(default_factory=dict)

    def now(self) -> datetime:
        """UTC, moved by the clock offset."""
        moved = self.clock() + self.behaviour.clock_offset_seconds
        return datetime.fromtimestamp(moved, UTC)

    def admit(self, authority: str, tier: str) -> None:
        """Take one of the certificates a CA may issue in this second. Raises Refusal."""
        if self.behaviour.per_second is None:
            return
        issued, now = self._issued.setdefault(authority, deque()), time.monotonic()
        while issued and issued[0] <= now - 1:
            issued.popleft()
        if len(issued) >= self.behaviour.per_second[tier]:
            retry_after = issued[0] + 1 - now if self.behaviour.retry_info else None
            raise exhausted(_METRIC, retry_after)
        issued.append(now)

    def reset(self) -> None:
        """Back to the start: nothing issued, no faults, every right and state as it was."""
        self.documents.forget("certificate", "request")
        self.ledger.clear()
        self.calls.clear()
        self.faults.clear()
        self.denied.clear()
        self._issued.clear()
        self.states = _states()
        self.templates = catalogue.templates()
        self.behaviour = self.settings.behaviour

    def close(self) -> None:
        self.documents.close()
        self.ledger.close()
        self.calls.close()
        self.lock.close()


def authority_name(pool: str, number: str) -> str:
    """The resource name of a CA."""
    return f"{pool}/certificateAuthorities/{number}"


def _states() -> dict[str, Any]:
    return {authority_name(pool, number): state for pool, number, state in catalogue.authorities()}


def open_simulator(settings: Settings) -> Simulator:
    """Open or create the state directory.

    Raises StateError when it cannot be used: no rights, or taken by another simulator.
    """
    state = settings.state
    lock = lock_state(state)
    return Simulator(
        settings=settings,
        behaviour=settings.behaviour,
        documents=Documents(state / "documents.db"),
        ledger=JsonLines(state / "ledger.jsonl"),
        calls=JsonLines(state / "calls.jsonl"),
        identity=open_identity(state, settings.host),
        hierarchies={
            authority_name(pool, number): open_hierarchy(state, number)
            for pool, number, _ in catalogue.authorities()
        },
        lock=lock,
        pools=catalogue.pools(),
        templates=catalogue.templates(),
        states=_states(),
    )
