"""What the next step of a claimed enrollment is: a pure decision over what was loaded."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from scm_api.core.recovery import Decision, Guard, Step, Timing, decide
from scm_api.core.vocabulary import EnrollmentState as State

# A backend that refuses us is looked at again by its own check; jobs only glance at it.
REFUSED_WAIT = timedelta(minutes=5)
# What a list does not tell, the order itself does; so it is asked at least so often.
_ITSELF_AT_LEAST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Submit:
    """Order now; `fresh` says that a new attempt has to be stored first."""

    fresh: bool


@dataclass(frozen=True, slots=True)
class Recover:
    """Find out what the unanswered order did."""


@dataclass(frozen=True, slots=True)
class Poll:
    """Ask for the outcome of the accepted order `ca_ref`: of the order itself, or, where one call
    tells of many, what became of it since it was seen waiting, at `since`."""

    ca_ref: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Have the CA cancel the accepted order `ca_ref`."""

    ca_ref: str


@dataclass(frozen=True, slots=True)
class Defer:
    """Do nothing for `wait`, because of `reason` (code, sentence)."""

    wait: timedelta
    reason: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Park:
    """Hand over to a person."""

    reason: tuple[str, str]


Plan = Submit | Recover | Poll | TakeBack | Defer | Park

_REFUSED = (
    "backend-refused",
    "The CA refuses our credentials; this goes on by itself once they are mended.",
)


def plan(
    state: State,
    *,
    ca_ref: str | None,
    has_attempt: bool,
    first_sent_at: datetime | None,
    untraced_at: datetime | None,
    seen_pending_at: datetime | None,
    cancel_requested: bool,
    backend_refused: bool,
    guard: Guard,
    timing: Timing,
    now: datetime,
) -> Plan:
    """The next step. `first_sent_at` is None while no send can have reached the CA."""
    if backend_refused and (first_sent_at is None or ca_ref is not None):
        return Defer(REFUSED_WAIT, _REFUSED)
    if state is State.PENDING_CA and ca_ref is not None:
        seen = seen_pending_at
        lately = seen is not None and now - seen < _ITSELF_AT_LEAST
        return TakeBack(ca_ref) if cancel_requested else Poll(ca_ref, seen if lately else None)
    if state is State.APPROVED:
        return Submit(fresh=not has_attempt)
    if first_sent_at is None:
        return Submit(fresh=False)
    found = decide(guard, timing, first_sent_at=first_sent_at, untraced_at=untraced_at, now=now)
    return _after_silence(found, first_sent_at)


def _after_silence(found: Decision, first_sent_at: datetime) -> Plan:
    match found.step:
        case Step.RECOVER:
            return Recover()
        case Step.SUBMIT:
            return Submit(fresh=False)
        case Step.WAIT:
            reason = "The CA did not answer; waiting until no earlier send can still arrive."
            return Defer(found.wait, ("outcome-unknown", reason))
        case Step.PARK:
            return Park(outcome_unknown(first_sent_at, "it is too late to ask again safely."))


def outcome_unknown(first_sent_at: datetime, why: str) -> tuple[str, str]:
    """The reason of an order that may exist at the CA and that nobody can ask about any more."""
    sent = first_sent_at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return (
        "outcome-unknown",
        f"The order was sent at {sent} and the CA's answer was lost; {why} Look at the CA for a "
        "certificate with this enrollment's public key (spki_sha256), issued around that time. If "
        "there is one, adopt it with the CA's reference, or revoke it there. If there is none, "
        "retry this enrollment for a new order, or cancel it.",
    )
