from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scm_api.core.term import Term, TermReason, TermRules, judge_ordered_term, judge_term

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULES = TermRules(allowed_terms=(30, 90, 365), default_days=90)


def codes(
    days: int | None = None,
    until: datetime | None = None,
    rules: TermRules = RULES,
) -> list[str]:
    term, faults = judge_term(days, until, rules, NOW)
    assert (term is None) == bool(faults)
    expected = "/term_days" if until is None else "/not_after"
    assert all(fault.pointer == expected for fault in faults)
    return [fault.code for fault in faults]


def after(**span: float) -> datetime:
    return NOW + timedelta(**span)


def test_terms_of_the_profile_pass() -> None:
    assert judge_term(30, None, RULES, NOW) == (Term(30), [])
    assert judge_term(None, None, RULES, NOW) == (Term(90), [])
    assert codes(5, rules=TermRules(allowed_terms=(), default_days=5)) == []


def test_an_end_within_the_longest_term_passes() -> None:
    end = after(days=364, hours=1)
    assert judge_term(None, end, RULES, NOW) == (Term(365, end), [])
    assert judge_term(None, after(days=365), RULES, NOW) == (Term(365, after(days=365)), [])
    assert judge_term(None, after(minutes=10), RULES, NOW) == (Term(1, after(minutes=10)), [])


@pytest.mark.parametrize("days", [0, -1, -(10**30)])
def test_t72_terms_of_nothing_are_refused(days: int) -> None:
    assert codes(days) == ["term-not-allowed"]


@pytest.mark.parametrize("days", [366, 10**6, 10**30])
def test_t72_terms_above_the_profile_are_refused(days: int) -> None:
    assert codes(days) == ["term-too-long"]


def test_terms_between_those_of_the_profile_are_refused() -> None:
    _, (fault,) = judge_term(31, None, RULES, NOW)
    assert fault.code == "term-not-allowed"
    assert fault.accepted == "30, 90, 365 days"


def test_t72_a_refused_end_says_which_ends_are_accepted() -> None:
    accepted = (
        "an end at least 10 minutes ahead, no earlier than 2026-03-01T12:10:00Z and no later than "
        "2027-03-01T12:00:00Z"
    )
    for end in (NOW, after(seconds=1), after(days=365, seconds=1), after(days=10**5)):
        _, (fault,) = judge_term(None, end, RULES, NOW)
        assert fault.accepted == accepted
    ending = replace(RULES, ca_not_after=after(days=1))
    _, (fault,) = judge_term(None, after(days=366), ending, NOW)
    assert fault.accepted == accepted[:-20] + "2026-03-02T12:00:00Z"
    _, (fault,) = judge_term(None, NOW, replace(RULES, ca_not_after=after(minutes=9)), NOW)
    assert fault.accepted is None
    _, (fault,) = judge_term(None, NOW, replace(RULES, ends_with_day=True), NOW)
    assert fault.accepted == (
        "an end no earlier than 2026-03-02T23:59:59Z and no later than 2027-03-01T12:00:00Z"
    )


DAYS = replace(RULES, ends_with_day=True)
SHORT = ["term-too-short"]


@pytest.mark.parametrize(
    ("rules", "now", "end", "asked", "ordered"),
    [
        (RULES, "01T12:00:00Z", "01T12:10:00Z", [], []),
        (RULES, "01T12:00:00Z", "01T12:09:59Z", SHORT, []),
        (RULES, "01T12:00:00Z", "01T12:05:00Z", SHORT, []),
        (RULES, "01T12:00:00Z", "01T12:04:59Z", SHORT, SHORT),
        (RULES, "01T12:00:00Z", "01T12:00:00Z", ["term-not-allowed"], ["term-not-allowed"]),
        (DAYS, "01T12:00:00Z", "02T23:59:58Z", SHORT, SHORT),
        (DAYS, "01T12:00:00Z", "02T23:59:59Z", [], []),
        (DAYS, "01T23:49:59Z", "02T23:59:59Z", [], []),
        (DAYS, "01T23:50:00Z", "02T23:59:59Z", SHORT, []),
        (DAYS, "01T23:55:00Z", "02T23:59:59Z", SHORT, SHORT),
        (DAYS, "01T23:30:00-01:00", "02T23:59:59Z", SHORT, SHORT),
    ],
)
def test_t72_what_would_be_over_when_it_is_issued_is_refused(
    rules: TermRules, now: str, end: str, asked: list[str], ordered: list[str]
) -> None:
    """Also by a CA whose clock differs, and by one that lets it end with the day before."""
    begins, ends = (datetime.fromisoformat(f"2026-03-{each}") for each in (now, end))
    _, when_asked = judge_term(None, ends, rules, begins)
    when_ordered = judge_ordered_term(Term(1, ends), rules, begins)
    found = [[each.code for each in faults] for faults in (when_asked, when_ordered)]
    assert found == [asked, ordered]


@pytest.mark.parametrize(("terms", "accepted"), [((1, 2, 90), "2, 90 days"), ((1,), None)])
def test_t72_a_day_that_would_be_over_today_is_refused(
    terms: tuple[int, ...], accepted: str | None
) -> None:
    rules = TermRules(terms, 1, ends_with_day=True)
    for found in (judge_term(1, None, rules, NOW)[1], judge_term(None, None, rules, NOW)[1]):
        assert [(each.code, each.accepted) for each in found] == [("term-too-short", accepted)]
    assert [each.code for each in judge_ordered_term(Term(1), rules, NOW)] == SHORT
    assert codes(2, rules=replace(rules, allowed_terms=(2,))) == []
    assert codes(1, rules=replace(rules, ends_with_day=False)) == []


def test_t72_terms_above_the_mode_of_the_ca_are_refused() -> None:
    short_lived = TermRules((7, 90), 90, ca_max_days=7)
    assert codes(7, rules=short_lived) == []
    _, (fault,) = judge_term(90, None, short_lived, NOW)
    assert (fault.code, fault.accepted) == ("term-too-long", "7 days")
    assert "the CA's mode" in fault.detail
    assert codes(until=after(days=7, seconds=1), rules=short_lived) == ["term-too-long"]
    _, (fault,) = judge_term(90, None, TermRules((90,), 90, ca_max_days=7), NOW)
    assert fault.accepted == "at most 7 days"


def test_t72_terms_beyond_the_end_of_the_ca_are_refused() -> None:
    ending = TermRules((30, 90), 30, ca_not_after=after(days=60))
    assert codes(30, rules=ending) == []
    _, (fault,) = judge_term(90, None, ending, NOW)
    assert fault.code == "term-too-long"
    assert fault.accepted == "an end no later than 2026-04-30T12:00:00Z"
    assert codes(until=after(days=60), rules=ending) == []
    assert codes(until=after(days=60, seconds=1), rules=ending) == ["term-too-long"]
    assert codes(rules=TermRules((30,), 30, ca_not_after=after(days=-1))) == ["term-too-long"]


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (NOW, "term-not-allowed"),
        (after(days=-1), "term-not-allowed"),
        (datetime.min.replace(tzinfo=UTC), "term-not-allowed"),
        (datetime(2026, 4, 1), "term-not-allowed"),  # noqa: DTZ001 - the point of this case
        (after(days=365, seconds=1), "term-too-long"),
        (datetime.max.replace(tzinfo=UTC), "term-too-long"),
    ],
)
def test_t72_absurd_ends_are_refused(until: datetime, expected: str) -> None:
    assert codes(until=until) == [expected]


def test_both_at_once_are_refused_with_the_faults_of_each() -> None:
    term, faults = judge_term(0, after(days=-1), RULES, NOW)
    assert term is None
    assert [(fault.pointer, fault.code) for fault in faults] == [
        ("/not_after", "term-not-allowed"),
        ("/not_after", "term-not-allowed"),
        ("/term_days", "term-not-allowed"),
    ]
    term, faults = judge_term(30, after(days=30), RULES, NOW)
    assert term is None
    assert [fault.pointer for fault in faults] == ["/not_after"]


def test_a_default_is_shortened_to_what_is_possible_and_says_why() -> None:
    def default(**limits: Any) -> Term | None:
        return judge_term(None, None, TermRules((30, 365), 365, **limits), NOW)[0]

    assert default() == Term(365)
    assert default(ca_max_days=7) == Term(7, None, TermReason.CA_MODE)
    assert default(browser_days=200) == Term(200, None, TermReason.BROWSER_SCHEDULE)
    assert default(browser_days=200, ca_max_days=100) == Term(100, None, TermReason.CA_MODE)
    end = after(days=59, hours=1)
    assert default(ca_not_after=end, ca_max_days=90) == Term(60, end, TermReason.CA_END)
    assert default(ca_not_after=after(days=1)) == Term(1, after(days=1), TermReason.CA_END)
    assert default(ca_not_after=after(hours=23)) is None


def test_t72_a_ca_that_gives_less_than_a_day_has_no_default() -> None:
    hours = replace(RULES, ca_max_days=0)
    assert judge_term(None, None, hours, NOW)[0] is None
    assert codes(rules=hours) == codes(30, rules=hours) == ["term-too-long"]


def test_t72_terms_above_what_browsers_accept_are_refused() -> None:
    public = TermRules((90, 200, 365), 90, browser_days=200)
    assert codes(200, rules=public) == []
    _, (fault,) = judge_term(365, None, public, NOW)
    assert (fault.code, fault.accepted) == ("term-too-long", "90, 200 days")
    assert "CA/Browser Forum" in fault.detail


def test_t72_browsers_count_the_last_second() -> None:
    public = TermRules((365,), 365, browser_days=200)
    assert codes(until=after(days=200, seconds=-1), rules=public) == []
    assert codes(until=after(days=200), rules=public) == ["term-too-long"]


def test_what_replaces_a_year_may_end_with_it_where_the_ca_counts_in_years() -> None:
    until = after(days=366, hours=11)
    in_years = replace(RULES, excess=timedelta(days=2))
    assert codes(until=until) == ["term-too-long"]
    assert codes(until=until, rules=in_years) == []
    assert codes(until=until, rules=replace(in_years, browser_days=365)) == ["term-too-long"]


def test_t72_what_was_accepted_is_measured_again_when_it_is_sent() -> None:
    def ordered(term: Term, **limits: Any) -> list[str]:
        rules = TermRules((365,), 365, **limits)
        return [fault.code for fault in judge_ordered_term(term, rules, NOW)]

    assert ordered(Term(200)) == []
    assert ordered(Term(200), browser_days=200) == []
    assert ordered(Term(200), browser_days=100) == ["term-too-long"]
    assert ordered(Term(200), ca_not_after=after(days=199)) == ["term-too-long"]
    assert ordered(Term(10, after(days=10))) == []
    assert ordered(Term(10, after(days=-1))) == ["term-not-allowed"]


limits = st.none() | st.integers(1, 400)


@given(
    st.none() | st.integers(0, 500) | st.sampled_from([30, 90, 365]),
    st.none() | st.floats(-1, 500),
    limits,
    limits,
    limits,
)
def test_what_is_asked_is_ordered_or_refused_and_a_default_keeps_within_every_limit(
    days: int | None,
    until: float | None,
    ca_max_days: int | None,
    browser_days: int | None,
    ca_days: int | None,
) -> None:
    end = None if until is None else after(days=until)
    ca_not_after = None if ca_days is None else after(days=ca_days)
    rules = TermRules((30, 90, 365), 90, ca_max_days, ca_not_after, browser_days)
    term, _ = judge_term(days, end, rules, NOW)
    tightest = min([365, *(each for each in (ca_max_days, browser_days, ca_days) if each)])
    if days is not None and end is None:
        assert (term == Term(days)) is (days in {30, 90, 365} and days <= tightest)
    elif end is not None:
        assert term is None or term.not_after == end
    else:
        assert term is not None
        assert term.days == min(90, tightest)
        assert (term.limited_by is None) is (tightest >= 90)
    if term is not None:
        assert (term.not_after or after(days=term.days)) <= after(days=tightest)
        assert judge_ordered_term(term, rules, NOW) == []


@given(
    st.none() | st.integers(),
    st.none() | st.datetimes(timezones=st.just(UTC)) | st.datetimes(),
    st.none() | st.integers(1, 4000),
    st.none() | st.datetimes(timezones=st.just(UTC)),
)
def test_no_term_outlives_its_limits(
    days: int | None,
    until: datetime | None,
    ca_max_days: int | None,
    ca_not_after: datetime | None,
) -> None:
    rules = TermRules((30, 90, 365), 90, ca_max_days, ca_not_after)
    term, faults = judge_term(days, until, rules, NOW)
    assert (term is None) == bool(faults)
    if term is not None:
        end = term.not_after or NOW + timedelta(days=term.days)
        assert 1 <= term.days <= min(365, ca_max_days or 365)
        assert NOW < end <= NOW + timedelta(days=term.days)
        assert ca_not_after is None or end <= ca_not_after
