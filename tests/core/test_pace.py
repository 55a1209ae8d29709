"""Intervals grow, stay within their bounds and never fall in step."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from scm_api.core.pace import poll_interval, retry_interval

NONE = timedelta(0)


def test_looks_at_a_pending_order_grow_apart_up_to_the_longest() -> None:
    waits = [poll_interval(steps, NONE, 0.0) for steps in range(20)]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(seconds=0.5)
    assert waits[-1] == timedelta(minutes=15)


def test_the_ca_is_never_asked_sooner_than_it_said() -> None:
    assert poll_interval(0, timedelta(seconds=90), 0.0) == timedelta(seconds=90)
    assert retry_interval(0, timedelta(seconds=30), 0.0) == timedelta(seconds=30)


def test_those_who_were_told_the_same_moment_come_back_apart() -> None:
    told = timedelta(seconds=60)
    assert poll_interval(0, told, 0.0) < poll_interval(0, told, 0.5) <= 1.1 * told


@given(steps=st.integers(0, 10_000), jitter=st.floats(0, 1))
def test_waits_for_an_absent_ca_are_bounded_and_spread(steps: int, jitter: float) -> None:
    wait = retry_interval(steps, None, jitter)
    assert timedelta(seconds=0.5) <= wait <= timedelta(minutes=5)
    if jitter > 0.01:
        assert wait != retry_interval(steps, None, 0.0)
