"""Everything one running simulator knows, and how its state directory is opened."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any

from scm_api.sandbox.documents import Document, Documents
from scm_api.sandbox.faults import FaultQueue
from scm_api.sandbox.ledger import JsonLines, instant
from scm_api.sandbox.microsoft import catalogue
from scm_api.sandbox.microsoft.credentials import Agents, Transport, open_agents, open_transport
from scm_api.sandbox.microsoft.domain import Domain
from scm_api.sandbox.microsoft.hierarchy import Hierarchy, open_hierarchy
from scm_api.sandbox.microsoft.settings import Behaviour, Settings
from scm_api.sandbox.state import lock_state


@dataclass
class Simulator:
    """The state behind all protocols. Used from one event loop only.

    `issued` are the documents of certificates by serial number. `domain` is replaced when the
    control interface changes the directory: read it at each use. `on_change` is awaited when the
    behaviour was changed.
    """

    settings: Settings
    behaviour: Behaviour
    domain: Domain
    documents: Documents
    ledger: JsonLines
    calls: JsonLines
    hierarchy: Hierarchy
    transport: Transport
    agents: Agents
    lock: IO[str]
    issued: dict[int, Document] = field(default_factory=dict)
    faults: FaultQueue = field(default_factory=FaultQueue)
    on_change: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    clock: Callable[[], float] = time.time
    _crl_number: int = 0

    def now(self) -> datetime:
        """UTC, moved by the clock offset."""
        moved = self.clock() + self.behaviour.clock_offset_seconds
        return datetime.fromtimestamp(moved, UTC)

    def note(self, *entries: Mapping[str, Any]) -> None:
        """Write into the ledger, in one piece."""
        at = instant(self.now().timestamp())
        self.ledger.append(*({"time": at, **entry} for entry in entries))

    def keep(self, kind: str, document: Document) -> None:
        """Store what the CA knows of a request or an agent."""
        self.documents.put(kind, document)
        if "serial" in document:
            self.issued[int(document["serial"], 16)] = document

    def next_crl_number(self) -> int:
        self._crl_number += 1
        return self._crl_number

    def reset(self) -> None:
        """Back to the start: no requests, no faults, the directory as it was."""
        self.documents.forget("request")
        self.issued.clear()
        for agent in self.documents.of("agent"):
            self.keep("agent", agent | {"revocation": None})
        self.ledger.clear()
        self.calls.clear()
        self.faults.clear()
        self.domain = _domain(self.hierarchy)
        self.behaviour = self.settings.behaviour

    async def changed(self) -> None:
        """Let what listens follow the behaviour."""
        for each in self.on_change:
            await each()

    def close(self) -> None:
        self.documents.close()
        self.ledger.close()
        self.calls.close()
        self.lock.close()


def open_simulator(settings: Settings) -> Simulator:
    """Open or create the state directory. Raises StateError when it cannot be used."""
    lock = lock_state(settings.state)
    hierarchy = open_hierarchy(settings.state / "ca", settings.ca_key)
    simulator = Simulator(
        settings=settings,
        behaviour=settings.behaviour,
        domain=_domain(hierarchy),
        documents=Documents(settings.state / "documents.db"),
        ledger=JsonLines(settings.state / "ledger.jsonl"),
        calls=JsonLines(settings.state / "calls.jsonl"),
        hierarchy=hierarchy,
        transport=open_transport(settings.state, settings.host),
        agents=open_agents(settings.state, hierarchy),
        lock=lock,
    )
    for kind in ("agent", "request"):
        for document in simulator.documents.of(kind):
            simulator.keep(kind, document)
    return simulator


def _domain(hierarchy: Hierarchy) -> Domain:
    return catalogue.starting_domain(
        {
            catalogue.CA_NAME: hierarchy.issuing.der,
            catalogue.OTHER_CA_NAME: hierarchy.other.der,
        }
    )
