"""What to do about an order that was sent and not answered, so that it never becomes two.

A look-up alone is not enough: a worker paused for minutes may wake and send after somebody else
looked and found nothing. So either the CA itself recognises the repeat, or we wait until no
paused worker can still be alive, or a person decides. A CA may also have an order that it does not
show; what is not found there may come up later, and is never ordered again without a person.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

# Of an order that may come up later; from then on it waits as long again as it has waited.
_FIRST_WAIT = timedelta(seconds=10)


class Guard(StrEnum):
    """How a CA keeps a repeat from becoming a second order.

    `token`: it honours an idempotency token for a while; `lookup`: our reference can be searched
    for; `none`: only a person can find out.
    """

    TOKEN = "token"  # noqa: S105 -- a word, no password
    LOOKUP = "lookup"
    NONE = "none"


class Step(StrEnum):
    """`recover`: ask the CA what became of it; `submit`: nothing is there, order afresh."""

    RECOVER = "recover"
    SUBMIT = "submit"
    PARK = "park"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Decision:
    """One step; `wait` is how long to let pass first (with `Step.WAIT`)."""

    step: Step
    wait: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Timing:
    """`write_deadline` bounds one write call, `longest_pause` how long a frozen process may
    sleep and still wake; `token_validity` counts from the first send.

    `look_ups` is for how long after the first send an order is looked for, where finding nothing
    does not prove that nothing is there; None where it does. (`Guard.LOOKUP`)
    """

    write_deadline: timedelta
    longest_pause: timedelta
    token_validity: timedelta | None
    look_ups: timedelta | None = None


def token_of(enrollment_id: UUID, number: int) -> str:
    """One for each attempt, in the 36 characters AWS takes (acm-pca model, IdempotencyToken)."""
    return f"{enrollment_id.hex}{number:04x}"


def decide(
    guard: Guard,
    timing: Timing,
    *,
    first_sent_at: datetime,
    untraced_at: datetime | None,
    now: datetime,
) -> Decision:
    """The next step for an order whose first send began at `first_sent_at` without an answer.

    `untraced_at` is when a look-up last found nothing, None if none was made.
    """
    if guard is Guard.TOKEN and timing.token_validity is not None:
        # The repeat must arrive while the token is surely still known, so its own deadline counts.
        last_safe_send = first_sent_at + timing.token_validity - timing.write_deadline
        # By a clock that was set back since, nobody can tell how long ago the first one was.
        known = first_sent_at <= now < last_safe_send
        return Decision(Step.RECOVER if known else Step.PARK)
    if guard is not Guard.LOOKUP:
        return Decision(Step.PARK)
    nobody_wakes = first_sent_at + timing.write_deadline + timing.longest_pause
    if untraced_at is None:
        return Decision(Step.RECOVER)
    if timing.look_ups is not None:
        last = max(first_sent_at + timing.look_ups, nobody_wakes)
        return _look_on(first_sent_at, untraced_at, last, now)
    if now < nobody_wakes:
        return Decision(Step.WAIT, nobody_wakes - now)
    return Decision(Step.SUBMIT if untraced_at >= nobody_wakes else Step.RECOVER)


def _look_on(
    first_sent_at: datetime, untraced_at: datetime, last: datetime, now: datetime
) -> Decision:
    """Look again, less and less often, and once at `last` or later; then a person decides."""
    if untraced_at >= last:
        return Decision(Step.PARK)
    due = min(untraced_at + max(untraced_at - first_sent_at, _FIRST_WAIT), last)
    return Decision(Step.WAIT, due - now) if now < due else Decision(Step.RECOVER)
