"""When a certificate should be renewed: a share of its life, never a fixed number of days.

The semantics are those of ACME Renewal Information (RFC 9773 sections 4.1 to 4.3): the client
picks a random instant inside the window and renews then, or at once where that has passed.
Spreading clients inside the window is left to them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final


class RenewalAdvice(StrEnum):
    """What to do now. `now`: the certificate or its key is no longer to be trusted."""

    NOT_YET = "not_yet"
    DUE = "due"
    OVERDUE = "overdue"
    NOW = "now"
    RENEWED = "renewed"


@dataclass(frozen=True, slots=True)
class RenewalRule:
    """For lives below `below` (None: all): which share is left when the window opens and closes."""

    below: timedelta | None
    opens: Fraction
    closes: Fraction


RENEWAL_RULES: Final = (
    RenewalRule(timedelta(days=10), opens=Fraction(1, 2), closes=Fraction(1, 4)),
    RenewalRule(None, opens=Fraction(1, 3), closes=Fraction(1, 6)),
)
"""Renew in the last third of a life, and in the last half where it is under 10 days (CA/Browser
Forum's "short-lived"). The window takes the first half of that, so that as much time is left for
further attempts."""

_POLL_SHARE: Final = 100
_POLL_AT_LEAST: Final = timedelta(minutes=1)
_POLL_AT_MOST: Final = timedelta(hours=6)
"""Within the bounds RFC 9773 section 4.3.2 sets for clients: one minute and one day. Six hours is
what public CAs send."""

_PAST: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RenewalWindow:
    """`start` is before `end`; both may have passed. Ask again after `retry_after`."""

    start: datetime
    end: datetime
    advice: RenewalAdvice
    retry_after: timedelta


def opens_at(not_before: datetime, not_after: datetime) -> datetime:
    """When the window of a certificate opens that nothing happened to."""
    life = not_after - not_before
    return not_after - _share(life, _rule(life).opens)


def renewal_window(
    not_before: datetime,
    not_after: datetime,
    now: datetime,
    *,
    distrusted_since: datetime | None,
    renewed: bool,
) -> RenewalWindow:
    """When to renew, as seen now.

    `distrusted_since` is when the revocation was asked for or the key was blocked: the window
    then lies before it, which means to renew at once. `renewed` says that a valid successor is
    there, which takes the urgency away.
    """
    life = not_after - not_before
    start = opens_at(not_before, not_after)
    end = not_after - _share(life, _rule(life).closes)
    if distrusted_since is not None:
        end = min(distrusted_since, now)
        start = end - _PAST
    advice = _advice(start, end, now, distrusted=distrusted_since is not None)
    wait = min(max(life / _POLL_SHARE, _POLL_AT_LEAST), _POLL_AT_MOST)
    return RenewalWindow(start, end, RenewalAdvice.RENEWED if renewed else advice, wait)


def _advice(start: datetime, end: datetime, now: datetime, *, distrusted: bool) -> RenewalAdvice:
    if distrusted:
        return RenewalAdvice.NOW
    if now < start:
        return RenewalAdvice.NOT_YET
    return RenewalAdvice.DUE if now < end else RenewalAdvice.OVERDUE


def _rule(life: timedelta) -> RenewalRule:
    return next(rule for rule in RENEWAL_RULES if rule.below is None or life < rule.below)


def _share(life: timedelta, share: Fraction) -> timedelta:
    return life * share.numerator / share.denominator
