"""What was asked of a certificate's life, what the CA granted, and why they differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from scm_api.core.instants import CLOCK_TOLERANCE
from scm_api.core.term import Term, TermReason, TermRules

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TermDifference:
    """One reason, with a sentence for a person."""

    reason: TermReason
    detail: str


def ordering(
    term: Term, asked_days: int | None, asked_not_after: datetime | None, default_days: int
) -> dict[str, Any]:
    """How an order's term is kept and shown before there is a certificate.

    `asked_days` and `asked_not_after` are both None where the requester left it to the profile.
    """
    limit = [] if term.limited_by is None else [_limited(term, term.limited_by, default_days)]
    return {
        "asked_days": asked_days,
        "asked_not_after": _text(asked_not_after),
        "ordered_days": term.days,
        "ordered_not_after": _text(term.not_after),
        "granted_days": None,
        "granted_not_after": None,
        "difference": _shown(limit),
    }


def granting(
    ordered: Mapping[str, Any],
    not_after: datetime,
    issued_at: datetime,
    differences: Sequence[TermDifference],
) -> dict[str, Any]:
    """The same once the certificate is there.

    `granted_days` counts from issuance, rounded up, and so is comparable with what was asked
    although CAs let certificates begin in the past.
    """
    return {
        **ordered,
        "granted_days": -((issued_at + CLOCK_TOLERANCE - not_after) // _DAY),
        "granted_not_after": _text(not_after),
        "difference": [*ordered["difference"], *_shown(differences)],
    }


def differences(
    term: Term, rules: TermRules, not_before: datetime, not_after: datetime, issued_at: datetime
) -> Iterator[TermDifference]:
    """Why a certificate does not live as long as it was ordered.

    A CA never says why it shortened a life: the reason is found by comparing the end with every
    limit that is known. What fits none of them is the CA's own policy.
    """
    ordered = term.not_after or issued_at + term.days * _DAY
    if not_after < ordered - CLOCK_TOLERANCE:
        yield _shortened(rules, not_before, not_after, ordered)
    elif not_after > ordered + CLOCK_TOLERANCE or (term.not_after and not_after != ordered):
        detail = f"The CA wrote the end as {_text(not_after)}; asked was {_text(ordered)}."
        yield TermDifference(TermReason.CA_ROUNDING, detail)
    if not_before < issued_at - CLOCK_TOLERANCE:
        detail = f"The certificate begins at {_text(not_before)}, before it was issued."
        yield TermDifference(TermReason.BACKDATING, detail)


def _shortened(
    rules: TermRules, not_before: datetime, not_after: datetime, ordered: datetime
) -> TermDifference:
    ends = f"The CA let it end at {_text(not_after)}"
    if rules.ca_not_after is not None and abs(not_after - rules.ca_not_after) <= CLOCK_TOLERANCE:
        return TermDifference(TermReason.CA_END, f"{ends}, with its own certificate.")
    life = not_after - not_before
    limits = (
        (rules.ca_max_days, TermReason.CA_MODE, "the most its mode allows"),
        (rules.browser_days, TermReason.BROWSER_SCHEDULE, "the most browsers accept"),
    )
    for days, reason, why in limits:
        # A day less is what CAs grant to stay clear of the limit.
        if days is not None and (days - 1) * _DAY - CLOCK_TOLERANCE <= life <= (days + 1) * _DAY:
            return TermDifference(reason, f"{ends}, {why}.")
    if ordered - not_after < _DAY:
        return TermDifference(TermReason.CA_ROUNDING, f"{ends}, within a day of what was ordered.")
    return TermDifference(TermReason.CA_POLICY, f"{ends}, by a rule of its own.")


def _limited(term: Term, reason: TermReason, default_days: int) -> TermDifference:
    default = f"The profile's default of {default_days:,} days"
    why = {
        TermReason.CA_MODE: f"is more than the CA's mode allows, {term.days:,} days.",
        TermReason.BROWSER_SCHEDULE: f"is more than browsers accept now, {term.days:,} days.",
        TermReason.CA_END: f"would outlive the CA, which ends at {_text(term.not_after)}.",
    }
    return TermDifference(reason, f"{default} {why[reason]}")


def _shown(found: Sequence[TermDifference]) -> list[dict[str, str]]:
    return [{"reason": each.reason.value, "detail": each.detail} for each in found]


def _text(instant: datetime | None) -> str | None:
    """RFC 3339 in UTC, as answers spell it; this is kept as JSON and shown as it is."""
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
