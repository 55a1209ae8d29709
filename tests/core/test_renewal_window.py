"""Renewal windows: a share of life, whatever the life."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scm_api.core.renewal_window import RenewalAdvice, RenewalWindow, opens_at, renewal_window

BEGIN = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def window(
    life: timedelta,
    at: timedelta,
    *,
    distrusted_since: datetime | None = None,
    renewed: bool = False,
) -> RenewalWindow:
    return renewal_window(
        BEGIN, BEGIN + life, BEGIN + at, distrusted_since=distrusted_since, renewed=renewed
    )


@pytest.mark.parametrize(
    ("life", "opens", "closes"),
    [
        (90 * DAY, 60 * DAY, 75 * DAY),
        (10 * DAY, 10 * DAY * 2 / 3, 10 * DAY * 5 / 6),
        (8 * DAY, 4 * DAY, 6 * DAY),
        (4 * HOUR, 2 * HOUR, 3 * HOUR),
    ],
)
def test_the_window_is_a_share_of_life(
    life: timedelta, opens: timedelta, closes: timedelta
) -> None:
    found = window(life, timedelta(0))
    assert (found.start, found.end) == (BEGIN + opens, BEGIN + closes)
    assert opens_at(BEGIN, BEGIN + life) == found.start


@pytest.mark.parametrize(
    ("at", "advice"),
    [
        (60 * DAY - HOUR, RenewalAdvice.NOT_YET),
        (60 * DAY, RenewalAdvice.DUE),
        (75 * DAY - HOUR, RenewalAdvice.DUE),
        (75 * DAY, RenewalAdvice.OVERDUE),
        (91 * DAY, RenewalAdvice.OVERDUE),
    ],
)
def test_the_advice_follows_the_window(at: timedelta, advice: RenewalAdvice) -> None:
    assert window(90 * DAY, at).advice is advice


def test_a_window_in_the_past_means_now() -> None:
    revoked = BEGIN + 5 * DAY
    found = window(90 * DAY, 6 * DAY, distrusted_since=revoked)
    assert (found.start, found.end) == (revoked - HOUR, revoked)
    assert found.advice is RenewalAdvice.NOW
    ahead = window(90 * DAY, 6 * DAY, distrusted_since=BEGIN + 7 * DAY)
    assert ahead.end == BEGIN + 6 * DAY


def test_a_renewed_certificate_says_so() -> None:
    found = window(90 * DAY, 80 * DAY, renewed=True)
    assert found.advice is RenewalAdvice.RENEWED
    both = window(90 * DAY, 80 * DAY, renewed=True, distrusted_since=BEGIN)
    assert both.advice is RenewalAdvice.RENEWED


@pytest.mark.parametrize(
    ("life", "seconds"), [(90 * DAY, 21_600), (1 * DAY, 864), (HOUR, 60), (timedelta(0), 60)]
)
def test_one_asks_again_more_often_for_short_lives(life: timedelta, seconds: int) -> None:
    assert window(life, timedelta(0)).retry_after == timedelta(seconds=seconds)


@given(
    st.timedeltas(timedelta(minutes=1), timedelta(days=40_000)),
    st.timedeltas(timedelta(0), timedelta(days=40_000)),
    st.none() | st.timedeltas(timedelta(0), timedelta(days=40_000)),
)
def test_every_window_is_one(life: timedelta, at: timedelta, since: timedelta | None) -> None:
    distrusted = None if since is None else BEGIN + since
    found = window(life, at, distrusted_since=distrusted)
    assert found.start < found.end
    assert timedelta(minutes=1) <= found.retry_after <= DAY
    if distrusted is None:
        assert found.start > BEGIN
        assert found.end < BEGIN + life
    else:
        assert found.end <= BEGIN + at
