"""Everything one running simulator knows, and how its state directory is opened and locked."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import IO

from scm_api.sandbox.aws.authorities import Authorities, open_authorities
from scm_api.sandbox.aws.faults import FaultQueue
from scm_api.sandbox.aws.identities import Credentials
from scm_api.sandbox.aws.sessions import Sessions
from scm_api.sandbox.aws.settings import Behaviour, Settings
from scm_api.sandbox.aws.store import Store
from scm_api.sandbox.aws.throttle import Throttle
from scm_api.sandbox.ledger import JsonLines
from scm_api.sandbox.state import StateError, lock_state, unusable


@dataclass
class Simulator:
    """The state behind all operations. Used from one event loop only."""

    settings: Settings
    authorities: Authorities
    ledger: JsonLines
    calls: JsonLines
    store: Store
    sessions: Sessions
    behaviour: Behaviour
    credentials: Credentials
    lock: IO[str]
    faults: FaultQueue = field(default_factory=FaultQueue)
    throttle: Throttle = field(default_factory=Throttle)
    lottery: Random = field(default_factory=Random)
    clock: Callable[[], float] = time.time
    last_audit_report: dict[str, float] = field(default_factory=dict)

    @property
    def buckets(self) -> Path:
        return self.settings.state / "buckets"

    def now(self) -> float:
        """Unix time in seconds, moved by the clock offset."""
        return self.clock() + self.behaviour.clock_offset_seconds

    def behave(self, behaviour: Behaviour) -> None:
        """Change what may change while running; a new latency starts its sequence anew."""
        if behaviour.latency != self.behaviour.latency:
            self.lottery.seed(behaviour.latency.seed)
        self.behaviour = behaviour

    def latency(self) -> float:
        """Seconds the next operation takes before it acts."""
        latency = self.behaviour.latency
        if not latency.ms or latency.distribution == "fixed":
            return latency.ms / 1000
        return self.lottery.lognormvariate(math.log(latency.ms / 1000), latency.sigma)

    def reset(self, *, issued: bool) -> None:
        """Back to what the server was started with; with `issued` forget all certificates too."""
        self.faults.clear()
        self.throttle = Throttle()
        self.behave(self.settings.behaviour)
        self.credentials = self.settings.credentials
        self.calls.clear()
        self.last_audit_report.clear()
        for authority in self.authorities:
            if authority.status != authority.spec.status:
                self.authorities.set_status(authority, authority.spec.status, self.now())
        if issued:
            self.store.clear()

    def close(self) -> None:
        self.ledger.close()
        self.calls.close()
        self.lock.close()


def open_simulator(settings: Settings) -> Simulator:
    """Open or create the state directory.

    Raises StateError when it cannot be used: no rights, damaged, or taken by another simulator.
    """
    state = settings.state
    lock = lock_state(state)
    try:
        return _load(settings, lock)
    except OSError as error:
        lock.close()
        raise unusable(state, error) from error
    except BaseException:
        lock.close()
        raise


def _load(settings: Settings, lock: IO[str]) -> Simulator:
    state = settings.state
    authorities = open_authorities(state / "authorities.json", settings.region, datetime.now(UTC))
    ledger = JsonLines(state / "ledger.jsonl")
    try:
        store = Store(ledger)
    except (ValueError, KeyError) as error:
        raise StateError(f"The ledger in {state} is damaged ({error!r}).") from error
    simulator = Simulator(
        settings=settings,
        authorities=authorities,
        ledger=ledger,
        calls=JsonLines(state / "calls.jsonl"),
        store=store,
        sessions=Sessions(state / "session.key"),
        behaviour=settings.behaviour,
        credentials=settings.credentials,
        lock=lock,
    )
    simulator.lottery.seed(settings.behaviour.latency.seed)
    return simulator
