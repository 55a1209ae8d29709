"""How long a certificate shall live: what was asked against the profile and the CA."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from scm_api.core.errors import Fault
from scm_api.core.instants import CLOCK_TOLERANCE, rfc_3339

LEAST_LIFE: Final = 2 * CLOCK_TOLERANCE
"""What is asked for ends no sooner: one half may pass until it is ordered, and at the end of the
other it may be over by the CA's clock."""

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)


class TermReason(StrEnum):
    """Why a certificate's life is not exactly what was asked."""

    CA_MODE = "ca_mode"
    CA_END = "ca_end"
    BROWSER_SCHEDULE = "browser_schedule"
    CA_POLICY = "ca_policy"
    CA_ROUNDING = "ca_rounding"
    BACKDATING = "backdating"


@dataclass(frozen=True, slots=True)
class Term:
    """`days` from issuance or, where `not_after` is set, until that instant (`days` rounded up).

    `limited_by` says what shortened the profile's default, where anything did.
    """

    days: int
    not_after: datetime | None = None
    limited_by: TermReason | None = None


@dataclass(frozen=True, slots=True)
class TermRules:
    """What limits a term. `allowed_terms` and `default_days` are the profile's, in days.

    `ca_max_days` is the most the CA's mode gives, `ca_not_after` the end of the CA's own
    certificate, `browser_days` what browsers accept of publicly trusted certificates issued now
    (`core.browser_rules`); None where there is no such limit or it is not known. `excess` is by how
    much a certificate may outlast the days of its order, because the CA counts in larger units.
    With `ends_with_day` the CA is told the last day, which is over in UTC when the end asked for
    comes, and is not the day of the order, which is the first that counts.
    """

    allowed_terms: tuple[int, ...]
    default_days: int
    ca_max_days: int | None = None
    ca_not_after: datetime | None = None
    browser_days: int | None = None
    excess: timedelta = timedelta(0)
    ends_with_day: bool = False

    @property
    def most(self) -> tuple[int, TermReason] | None:
        """The lower one of the limits in days that are not the profile's, and which one it is."""
        limits = (
            (self.ca_max_days, TermReason.CA_MODE),
            (self.browser_days, TermReason.BROWSER_SCHEDULE),
        )
        return min(((days, why) for days, why in limits if days is not None), default=None)

    @property
    def longest(self) -> int:
        """The most days that profile, CA mode and browsers allow."""
        longest = max((self.default_days, *self.allowed_terms))
        return longest if self.most is None else min(longest, self.most[0])

    @property
    def shortest(self) -> int:
        """The least days that an order may say."""
        return 2 if self.ends_with_day else 1

    @property
    def longest_life(self) -> timedelta:
        """The same as a duration to an instant: browsers count the last second as well."""
        life = self.longest * _DAY
        return life - _SECOND if self.longest == self.browser_days else life + self.excess

    @property
    def choices(self) -> str:
        """The terms one may ask for, in words."""
        terms = sorted({self.default_days, *self.allowed_terms})
        fitting = [f"{days:,}" for days in terms if self.shortest <= days <= self.longest]
        return f"{', '.join(fitting)} days" if fitting else f"at most {self.longest:,} days"

    def ends(self, now: datetime) -> str | None:
        """The ends one may ask for, in words; None where there is none."""
        latest = now + self.longest_life
        if self.ca_not_after is not None:
            latest = min(latest, self.ca_not_after)
        earliest = self.earliest(now, LEAST_LIFE)
        if latest < earliest:
            return None
        ends = f"no earlier than {rfc_3339(earliest)} and no later than {rfc_3339(latest)}"
        if self.ends_with_day:
            return f"an end {ends}"
        # The first instant moves on until the request is repeated.
        return f"an end at least {_minutes(LEAST_LIFE)} ahead, {ends}"

    def earliest(self, now: datetime, least: timedelta) -> datetime:
        """The first end that leaves a life of `least`."""
        if not self.ends_with_day:
            return now + least
        today = (now + least).astimezone(UTC).date()
        return datetime.combine(today + 2 * _DAY, time(), UTC) - _SECOND


def judge_term(
    asked_days: int | None,
    asked_not_after: datetime | None,
    rules: TermRules,
    now: datetime,
) -> tuple[Term | None, list[Fault]]:
    """The term to order, or every fault of it.

    One may ask for one of the profile's terms, or for an end within the longest of them; what
    was asked is never shortened. With neither, the default counts, up to what CA and browsers
    allow; `limited_by` tells of it. Codes: `term-not-allowed`, `term-too-long`, `term-too-short`.
    """
    if asked_days is None and asked_not_after is None:
        return _default_term(rules, now)
    faults: list[Fault] = []
    if asked_days is not None and asked_not_after is not None:
        detail = "A certificate ends either after a number of days or at an instant, not both."
        faults.append(Fault("/not_after", "term-not-allowed", detail, "one of the two"))
    term = None
    if asked_not_after is not None:
        faults += _end_faults(asked_not_after, rules, now, LEAST_LIFE, "/not_after")
        if not faults:
            term = Term(_whole_days(asked_not_after - now), asked_not_after)
    if asked_days is not None:
        term = Term(asked_days)
        faults += _asked_days_faults(asked_days, rules, now)
    return (None if faults else term), faults


def judge_ordered_term(term: Term, rules: TermRules, now: datetime) -> list[Fault]:
    """Whether a term accepted earlier may still be ordered now: limits fall and instants pass.

    The profile's list of terms is not asked again. Codes as in `judge_term`.
    """
    if term.not_after is not None:
        return list(_end_faults(term.not_after, rules, now, CLOCK_TOLERANCE, "/term_days"))
    return list(_days_faults(term.days, rules, now))


def _default_term(rules: TermRules, now: datetime) -> tuple[Term | None, list[Fault]]:
    if rules.longest < 1:
        return None, [_too_long("The shortest term there is, a day,", rules, "/term_days")]
    term = Term(rules.default_days)
    if rules.most is not None and rules.most[0] < term.days:
        term = Term(rules.most[0], limited_by=rules.most[1])
    end = rules.ca_not_after
    if end is None or term.days * _DAY <= end - now:
        faults = list(_days_faults(term.days, rules, now))
        return (None if faults else term), faults
    if end - now < _DAY:
        return None, [_outlives_ca(f"A term of {term.days:,} days", end, "/term_days")]
    return Term(_whole_days(end - now), end, TermReason.CA_END), []


def _whole_days(life: timedelta) -> int:
    """Rounded up."""
    return -(-life // _DAY)


def _asked_days_faults(days: int, rules: TermRules, now: datetime) -> list[Fault]:
    if days < 1:
        detail = "A term has at least one day."
        return [Fault("/term_days", "term-not-allowed", detail, rules.choices)]
    if days <= rules.longest and days not in {rules.default_days, *rules.allowed_terms}:
        detail = f"The profile has no term of {days:,} days."
        return [Fault("/term_days", "term-not-allowed", detail, rules.choices)]
    return list(_days_faults(days, rules, now))


def _days_faults(days: int, rules: TermRules, now: datetime) -> Iterator[Fault]:
    if days < rules.shortest:
        fits = rules.longest >= rules.shortest
        yield one_day_too_short("/term_days", rules.choices if fits else None)
    elif days > rules.longest:
        yield _too_long("The term asked for", rules, "/term_days")
    elif rules.ca_not_after is not None and days > (rules.ca_not_after - now) // _DAY:
        yield _outlives_ca(f"A term of {days:,} days", rules.ca_not_after, "/term_days")


def _end_faults(
    not_after: datetime, rules: TermRules, now: datetime, least: timedelta, pointer: str
) -> Iterator[Fault]:
    if not_after.tzinfo is None:
        detail = "The end has no time zone."
        yield Fault(pointer, "term-not-allowed", detail, "an instant such as 2030-01-31T12:00:00Z")
        return
    shown = f"The end {rfc_3339(not_after)}"
    if not_after <= now:
        yield Fault(pointer, "term-not-allowed", f"{shown} has passed.", rules.ends(now))
    elif not_after < rules.earliest(now, least):
        why = f"clocks differ, so it has to be at least {_minutes(least)} ahead"
        if rules.ends_with_day:
            why = "the CA lets certificates end with a day (UTC), after the one they are ordered on"
        yield Fault(pointer, "term-too-short", f"{shown} is too near: {why}.", rules.ends(now))
    elif not_after - now > rules.longest_life:
        asked = f"The time until {rfc_3339(not_after)}"
        yield replace(_too_long(asked, rules, pointer), accepted=rules.ends(now))
    elif rules.ca_not_after is not None and not_after > rules.ca_not_after:
        yield _outlives_ca(shown, rules.ca_not_after, pointer)


_LIMITS: Final = {
    TermReason.CA_MODE: "the CA's mode",
    TermReason.BROWSER_SCHEDULE: "the CA/Browser Forum for certificates issued now",
}


def _too_long(what: str, rules: TermRules, pointer: str) -> Fault:
    limited_by = "the profile"
    if rules.most is not None and rules.longest == rules.most[0]:
        limited_by = _LIMITS[rules.most[1]]
    detail = f"{what} is longer than {limited_by} allows, which is {rules.longest:,} days."
    return Fault(pointer, "term-too-long", detail, rules.choices)


def one_day_too_short(pointer: str, accepted: str | None) -> Fault:
    """A term of a day, where the CA is told the last day."""
    detail = "A term of 1 day ends today: the CA counts that day, and lets none end with it."
    return Fault(pointer, "term-too-short", detail, accepted)


def _minutes(span: timedelta) -> str:
    return f"{span // timedelta(minutes=1)} minutes"


def _outlives_ca(what: str, ca_not_after: datetime, pointer: str) -> Fault:
    end = rfc_3339(ca_not_after)
    detail = f"{what} would outlive the CA, whose own certificate ends at {end}."
    return Fault(pointer, "term-too-long", detail, f"an end no later than {end}")
