from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scm_api.core.term import Term, TermRules, judge_term

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
    assert judge_term(None, after(seconds=1), RULES, NOW) == (Term(1, after(seconds=1)), [])


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


def test_t72_terms_above_the_mode_of_the_ca_are_refused() -> None:
    short_lived = TermRules((7, 90), 90, ca_max_days=7)
    assert codes(7, rules=short_lived) == []
    _, (fault,) = judge_term(None, None, short_lived, NOW)
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
    assert fault.accepted == "an end no later than 2026-04-30T12:00:00+00:00"
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


@settings(deadline=None)
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
