"""When revocations may take effect, and how far they are at an instant."""

from datetime import UTC, datetime, timedelta

import pytest

from scm_api.core.revocation import (
    asks_for_more,
    is_held,
    judge_effective_at,
    judge_taking_place,
    state_at,
)
from scm_api.core.vocabulary import RevocationReason, RevocationState

NOW = datetime(2026, 11, 24, tzinfo=UTC)
A_SECOND = timedelta(seconds=1)
END = NOW + timedelta(days=90)
TURNING = {
    RevocationState.PENDING_APPROVAL: RevocationState.EXPIRED,
    RevocationState.SCHEDULED: RevocationState.REQUESTED,
}


@pytest.mark.parametrize("state", [None, *RevocationState])
@pytest.mark.parametrize(("until", "over"), [(NOW, True), (NOW + A_SECOND, False)])
def test_time_alone_turns_two_states(
    state: RevocationState | None, until: datetime, over: bool
) -> None:
    found = state_at(state, NOW, approval_expires_at=until, effective_at=until)
    assert found is (TURNING.get(state, state) if over and state else state)


def test_without_a_time_waiting_goes_on_and_revoking_does_not_wait() -> None:
    for state, found in (
        (RevocationState.PENDING_APPROVAL, RevocationState.PENDING_APPROVAL),
        (RevocationState.SCHEDULED, RevocationState.REQUESTED),
    ):
        assert state_at(state, NOW, approval_expires_at=None, effective_at=None) is found


@pytest.mark.parametrize("state", [None, *RevocationState])
@pytest.mark.parametrize("waits", [True, False])
def test_what_is_scheduled_gives_no_way_to_what_waits(
    state: RevocationState | None, waits: bool
) -> None:
    found = judge_taking_place(state, RevocationReason.SUPERSEDED, waits=waits, pointer="/x")
    loses = waits and state is RevocationState.SCHEDULED
    assert [(fault.pointer, fault.code) for fault in found] == [("/x", "wrong-state")] * loses
    assert judge_taking_place(state, RevocationReason.KEY_COMPROMISE, waits=waits) == []


@pytest.mark.parametrize("at", [None, NOW + A_SECOND, END - A_SECOND])
def test_a_revocation_takes_effect_while_the_certificate_is_in_force(at: datetime | None) -> None:
    assert judge_effective_at(at, RevocationReason.SUPERSEDED, NOW, END) == []


@pytest.mark.parametrize(
    ("at", "reason", "word"),
    [
        (NOW, RevocationReason.SUPERSEDED, "passed"),
        (END, RevocationReason.SUPERSEDED, "ends before"),
        (NOW + A_SECOND, RevocationReason.KEY_COMPROMISE, "at once"),
    ],
)
def test_other_times_are_refused(at: datetime, reason: RevocationReason, word: str) -> None:
    [fault] = judge_effective_at(at, reason, NOW, END)
    assert (fault.pointer, fault.code) == ("/effective_at", "effective-at-not-possible")
    assert word in fault.detail
    assert fault.accepted


HOLD, SUPERSEDED = RevocationReason.CERTIFICATE_HOLD, RevocationReason.SUPERSEDED
COMPROMISE = RevocationReason.KEY_COMPROMISE
WAITS, DONE = RevocationState.PENDING_APPROVAL, RevocationState.DONE


@pytest.mark.parametrize(
    ("told", "reason", "states"),
    [
        (HOLD, SUPERSEDED, {WAITS, RevocationState.REQUESTED, DONE}),
        (HOLD, COMPROMISE, {WAITS, RevocationState.REQUESTED, DONE}),
        (HOLD, HOLD, set()),
        (SUPERSEDED, COMPROMISE, {WAITS}),
        (SUPERSEDED, HOLD, set()),
        (None, SUPERSEDED, set()),
    ],
)
def test_more_is_asked_for_than_a_hold_and_by_a_compromised_key(
    told: RevocationReason | None, reason: RevocationReason, states: set[RevocationState]
) -> None:
    under_way = [WAITS, RevocationState.REQUESTED, RevocationState.PENDING_CA, DONE]
    assert {each for each in under_way if asks_for_more(each, told, reason)} == states
    assert is_held(DONE, told) is (told is HOLD)


def test_what_is_on_hold_is_revoked_for_good_at_once() -> None:
    (fault,) = judge_effective_at(NOW + A_SECOND, SUPERSEDED, NOW, END, held=True)
    assert (fault.pointer, fault.code) == ("/effective_at", "effective-at-not-possible")
