"""Asked, ordered, granted, and the reason between them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scm_api.core.granted_term import TermDifference, differences, granting, ordering
from scm_api.core.term import Term, TermReason, TermRules, judge_term

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def reasons(
    granted: timedelta,
    term: Term | None = None,
    *,
    begin: timedelta = timedelta(0),
    **limits: Any,
) -> list[str]:
    rules = TermRules((365,), 365, **limits)
    found = differences(term or Term(365), rules, NOW + begin, NOW + granted, NOW)
    return [difference.reason.value for difference in found]


def test_what_was_ordered_has_no_difference() -> None:
    assert reasons(365 * DAY) == []
    assert reasons(365 * DAY - 4 * MINUTE) == []
    assert reasons(10 * DAY, Term(10, NOW + 10 * DAY)) == []


def test_the_limit_that_fits_is_the_reason() -> None:
    assert reasons(200 * DAY, ca_not_after=NOW + 200 * DAY) == ["ca_end"]
    assert reasons(7 * DAY, ca_max_days=7) == ["ca_mode"]
    assert reasons(199 * DAY, browser_days=200) == ["browser_schedule"]
    assert reasons(200 * DAY - timedelta(seconds=1), browser_days=200) == ["browser_schedule"]
    assert reasons(364 * DAY + MINUTE) == ["ca_rounding"]
    assert reasons(300 * DAY) == ["ca_policy"]
    nothing_fits = {"ca_not_after": NOW + 900 * DAY, "ca_max_days": 7, "browser_days": 200}
    assert reasons(100 * DAY, **nothing_fits) == ["ca_policy"]


def test_an_end_written_otherwise_is_rounding() -> None:
    asked = NOW + 10 * DAY + timedelta(microseconds=1)
    assert reasons(10 * DAY, Term(11, asked)) == ["ca_rounding"]
    assert reasons(365 * DAY + 6 * MINUTE) == ["ca_rounding"]
    assert reasons(365 * DAY + 4 * MINUTE) == []


def test_a_beginning_in_the_past_is_told() -> None:
    assert reasons(365 * DAY, begin=-60 * MINUTE) == ["backdating"]
    assert reasons(365 * DAY, begin=-4 * MINUTE) == []


def test_asked_and_granted_are_kept_side_by_side() -> None:
    ordered = ordering(Term(365), 365, None, 90)
    assert ordered == {
        "asked_days": 365,
        "asked_not_after": None,
        "ordered_days": 365,
        "ordered_not_after": None,
        "granted_days": None,
        "granted_not_after": None,
        "difference": [],
    }
    why = TermDifference(TermReason.CA_POLICY, "It says so.")
    assert granting(ordered, NOW + 90 * DAY - MINUTE, NOW, [why]) == ordered | {
        "granted_days": 90,
        "granted_not_after": "2026-08-30T11:59:00Z",
        "difference": [{"reason": "ca_policy", "detail": "It says so."}],
    }


@pytest.mark.parametrize(
    ("limits", "reason", "words"),
    [
        ({"ca_max_days": 7}, "ca_mode", "7 days"),
        ({"browser_days": 100}, "browser_schedule", "100 days"),
        ({"ca_not_after": NOW + 50 * DAY}, "ca_end", "2026-07-21T12:00:00Z"),
    ],
)
def test_a_shortened_default_says_why(limits: dict[str, Any], reason: str, words: str) -> None:
    term, _ = judge_term(None, None, TermRules((), 365, **limits), NOW)
    assert term is not None
    (found,) = ordering(term, None, None, 365)["difference"]
    assert found["reason"] == reason
    assert "365 days" in found["detail"]
    assert words in found["detail"]


def test_reasons_of_order_and_grant_add_up() -> None:
    term, _ = judge_term(None, None, TermRules((), 365, browser_days=200), NOW)
    assert term is not None
    why = TermDifference(TermReason.BACKDATING, "Early.")
    granted = granting(ordering(term, None, None, 365), NOW + 200 * DAY, NOW, [why])
    assert [each["reason"] for each in granted["difference"]] == ["browser_schedule", "backdating"]
