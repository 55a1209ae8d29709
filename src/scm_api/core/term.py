"""How long a certificate shall live: what was asked against the profile and the CA."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from scm_api.core.errors import Fault

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Term:
    """`days` from issuance or, where `not_after` is set, until that instant (`days` rounded up)."""

    days: int
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class TermRules:
    """What limits a term. `allowed_terms` and `default_days` are the profile's, in days.

    `ca_max_days` is the most the CA's mode gives, `ca_not_after` the end of the CA's own
    certificate; None where there is no such limit or it is not known.
    """

    allowed_terms: tuple[int, ...]
    default_days: int
    ca_max_days: int | None = None
    ca_not_after: datetime | None = None

    @property
    def longest(self) -> int:
        """The most days that profile and CA mode allow."""
        longest = max((self.default_days, *self.allowed_terms))
        return longest if self.ca_max_days is None else min(longest, self.ca_max_days)

    @property
    def choices(self) -> str:
        """The terms one may ask for, in words."""
        terms = sorted({self.default_days, *self.allowed_terms})
        fitting = [f"{days:,}" for days in terms if days <= self.longest]
        return f"{', '.join(fitting)} days" if fitting else f"at most {self.longest:,} days"


def judge_term(
    asked_days: int | None,
    asked_not_after: datetime | None,
    rules: TermRules,
    now: datetime,
    *,
    days_pointer: str = "/term_days",
    not_after_pointer: str = "/not_after",
) -> tuple[Term | None, list[Fault]]:
    """The term to order, or every fault of it.

    One may ask for one of the profile's terms, or for an end within the longest of them; with
    neither, the default counts. Nothing is shortened in silence. Codes: `term-not-allowed`,
    `term-too-long`.
    """
    faults: list[Fault] = []
    if asked_days is not None and asked_not_after is not None:
        detail = "A certificate ends either after a number of days or at an instant, not both."
        faults.append(Fault(not_after_pointer, "term-not-allowed", detail, "one of the two"))
    term = Term(rules.default_days if asked_days is None else asked_days)
    if asked_not_after is not None:
        faults += _end_faults(asked_not_after, rules, now, not_after_pointer)
        if not faults:
            term = Term(-((now - asked_not_after) // _DAY), asked_not_after)
    if asked_days is not None or asked_not_after is None:
        faults += _days_faults(term.days, rules, now, days_pointer)
    return (None if faults else term), faults


def _days_faults(days: int, rules: TermRules, now: datetime, pointer: str) -> Iterator[Fault]:
    if days < 1:
        detail = "A term has at least one day."
        yield Fault(pointer, "term-not-allowed", detail, rules.choices)
    elif days > rules.longest:
        yield _too_long("The term asked for", rules, pointer)
    elif days not in {rules.default_days, *rules.allowed_terms}:
        detail = f"The profile has no term of {days:,} days."
        yield Fault(pointer, "term-not-allowed", detail, rules.choices)
    elif rules.ca_not_after is not None and days > (rules.ca_not_after - now) // _DAY:
        yield _outlives_ca(f"A term of {days:,} days", rules.ca_not_after, pointer)


def _end_faults(
    not_after: datetime, rules: TermRules, now: datetime, pointer: str
) -> Iterator[Fault]:
    if not_after.tzinfo is None:
        detail = "The end has no time zone."
        yield Fault(pointer, "term-not-allowed", detail, "an instant such as 2030-01-31T12:00:00Z")
        return
    shown = f"The end {not_after.isoformat()}"
    if not_after <= now:
        yield Fault(pointer, "term-not-allowed", f"{shown} has passed.", rules.choices)
    elif not_after - now > rules.longest * _DAY:
        yield _too_long(shown, rules, pointer)
    elif rules.ca_not_after is not None and not_after > rules.ca_not_after:
        yield _outlives_ca(shown, rules.ca_not_after, pointer)


def _too_long(what: str, rules: TermRules, pointer: str) -> Fault:
    limited_by = "the CA's mode" if rules.longest == rules.ca_max_days else "the profile"
    detail = f"{what} is longer than {limited_by} allows, which is {rules.longest:,} days."
    return Fault(pointer, "term-too-long", detail, rules.choices)


def _outlives_ca(what: str, ca_not_after: datetime, pointer: str) -> Fault:
    end = ca_not_after.isoformat()
    detail = f"{what} would outlive the CA, whose own certificate ends at {end}."
    return Fault(pointer, "term-too-long", detail, f"an end no later than {end}")
