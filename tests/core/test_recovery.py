"""Deciding about an unanswered order, against every moment at which a sleeper could wake."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from scm_api.core.recovery import Guard, Step, Timing, decide, token_of

SENT = datetime(2026, 1, 1, tzinfo=UTC)
TIMING = Timing(
    write_deadline=timedelta(seconds=15),
    longest_pause=timedelta(minutes=10),
    token_validity=timedelta(seconds=60),
)
NOBODY_WAKES = SENT + timedelta(seconds=15) + timedelta(minutes=10)


def _step(guard: Guard, after: timedelta, untraced: datetime | None = None) -> Step:
    return decide(guard, TIMING, first_sent_at=SENT, untraced_at=untraced, now=SENT + after).step


def test_each_attempt_has_a_token_that_fits_every_ca() -> None:
    tokens = {token_of(UUID(int=1), number) for number in (1, 2, 0xFFFF)}
    assert {len(token) for token in tokens} == {36}
    assert len(tokens) == 3


def test_a_token_is_repeated_only_while_it_is_surely_known() -> None:
    assert _step(Guard.TOKEN, timedelta(seconds=44)) is Step.RECOVER
    assert _step(Guard.TOKEN, timedelta(seconds=45)) is Step.PARK


def test_f28_a_clock_that_was_set_back_says_nothing_of_a_token() -> None:
    assert _step(Guard.TOKEN, timedelta(0)) is Step.RECOVER
    assert _step(Guard.TOKEN, -timedelta(seconds=1)) is Step.PARK


def test_a_ca_without_guard_is_never_asked_again() -> None:
    assert _step(Guard.NONE, timedelta(0)) is Step.PARK


def test_a_lookup_is_made_before_and_after_the_longest_pause() -> None:
    assert _step(Guard.LOOKUP, timedelta(0)) is Step.RECOVER
    early = SENT + timedelta(seconds=20)
    waiting = decide(Guard.LOOKUP, TIMING, first_sent_at=SENT, untraced_at=early, now=early)
    assert waiting.step is Step.WAIT
    assert early + waiting.wait == NOBODY_WAKES
    assert _step(Guard.LOOKUP, NOBODY_WAKES - SENT, early) is Step.RECOVER
    assert _step(Guard.LOOKUP, NOBODY_WAKES - SENT, NOBODY_WAKES) is Step.SUBMIT


def test_what_may_come_up_is_looked_for_less_and_less_often_and_then_left_to_a_person() -> None:
    timing, hour = replace(TIMING, look_ups=timedelta(hours=1)), SENT + timedelta(hours=1)
    now, untraced, looks = SENT + timedelta(seconds=2), None, []
    for _ in range(100):
        found = decide(Guard.LOOKUP, timing, first_sent_at=SENT, untraced_at=untraced, now=now)
        if found.step is Step.PARK:
            break
        now += found.wait
        if found.step is Step.RECOVER:
            looks.append(now)
            untraced = now
    assert found.step is Step.PARK
    assert looks[-1] == hour
    assert len(looks) == 11
    pauses = [later - sooner for sooner, later in pairwise(looks)]
    assert pauses[0] == timedelta(seconds=10)
    assert pauses[:-1] == sorted(pauses[:-1])


def test_what_may_come_up_is_looked_for_until_the_last_sleeper_is_dead() -> None:
    timing = replace(TIMING, look_ups=timedelta(seconds=1))
    early = SENT + timedelta(seconds=20)
    for untraced, step in ((early, Step.RECOVER), (NOBODY_WAKES, Step.PARK)):
        found = decide(
            Guard.LOOKUP, timing, first_sent_at=SENT, untraced_at=untraced, now=NOBODY_WAKES
        )
        assert found.step is step


@given(
    guard=st.sampled_from(Guard),
    seconds=st.floats(0, 10_000),
    untraced=st.none() | st.floats(0, 10_000),
    look_ups=st.floats(0, 10_000),
)
def test_what_may_come_up_is_never_ordered_afresh(
    guard: Guard, seconds: float, untraced: float | None, look_ups: float
) -> None:
    looked = None if untraced is None else SENT + timedelta(seconds=min(untraced, seconds))
    timing = replace(TIMING, look_ups=timedelta(seconds=look_ups))
    now = SENT + timedelta(seconds=seconds)
    found = decide(guard, timing, first_sent_at=SENT, untraced_at=looked, now=now)
    assert found.step is not Step.SUBMIT
    assert found.wait > timedelta(0) or found.step is not Step.WAIT


@given(
    guard=st.sampled_from(Guard),
    seconds=st.floats(0, 3000),
    untraced=st.none() | st.floats(0, 3000),
)
def test_nothing_is_ordered_afresh_before_the_last_sleeper_is_dead(
    guard: Guard, seconds: float, untraced: float | None
) -> None:
    looked = None if untraced is None else SENT + timedelta(seconds=min(untraced, seconds))
    step = _step(guard, timedelta(seconds=seconds), looked)
    if step is Step.SUBMIT:
        assert guard is Guard.LOOKUP
        assert SENT + timedelta(seconds=seconds) >= NOBODY_WAKES
        assert looked is not None
        assert looked >= NOBODY_WAKES
