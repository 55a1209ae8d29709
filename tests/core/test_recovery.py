"""Deciding about an unanswered order, against every moment at which a sleeper could wake."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from scm_api.core.recovery import Guard, Step, Timing, decide

SENT = datetime(2026, 1, 1, tzinfo=UTC)
TIMING = Timing(
    write_deadline=timedelta(seconds=15),
    longest_pause=timedelta(minutes=10),
    token_validity=timedelta(seconds=60),
)
NOBODY_WAKES = SENT + timedelta(seconds=15) + timedelta(minutes=10)


def _step(guard: Guard, after: timedelta, untraced: datetime | None = None) -> Step:
    return decide(guard, TIMING, first_sent_at=SENT, untraced_at=untraced, now=SENT + after).step


def test_a_token_is_repeated_only_while_it_is_surely_known() -> None:
    assert _step(Guard.TOKEN, timedelta(seconds=44)) is Step.RECOVER
    assert _step(Guard.TOKEN, timedelta(seconds=45)) is Step.PARK


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
