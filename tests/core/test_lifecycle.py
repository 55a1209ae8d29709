"""The table of states and moves: complete, without dead ends, and the only way to move."""

import pytest

from scm_api.core.errors import Conflict
from scm_api.core.lifecycle import ACTIVE, FINAL, MOVES, Move, after
from scm_api.core.vocabulary import EnrollmentState as State


def _reachable(start: State) -> set[State]:
    seen, todo = {start}, [start]
    while todo:
        for state in MOVES[todo.pop()].values():
            if state not in seen:
                seen.add(state)
                todo.append(state)
    return seen


def test_every_state_is_in_the_table_and_can_be_reached() -> None:
    assert set(MOVES) == set(State)
    assert _reachable(State.PENDING_APPROVAL) == set(State)


def test_every_state_leads_to_an_end() -> None:
    for state in State:
        assert _reachable(state) & FINAL, state


def test_active_states_are_those_the_service_moves_itself() -> None:
    by_itself = {Move.BEGIN, Move.ACCEPT, Move.ISSUE}
    assert {state for state, moves in MOVES.items() if by_itself & set(moves)} == ACTIVE


def test_issued_is_never_left() -> None:
    for move in Move:
        with pytest.raises(Conflict):
            after(State.ISSUED, move)


def test_a_refused_move_says_what_is_possible() -> None:
    with pytest.raises(Conflict, match=r"cannot be retried\..* revoke the certificate") as refused:
        after(State.SUBMITTING, Move.ASK_AGAIN)
    assert refused.value.code == "wrong-state"


def test_a_refused_move_says_so_in_every_state() -> None:
    for state, moves in MOVES.items():
        for move in set(Move) - set(moves):
            with pytest.raises(Conflict, match=f"^An enrollment that is {state} cannot be "):
                after(state, move)


def test_a_move_leads_where_the_table_says() -> None:
    for state, moves in MOVES.items():
        for move, target in moves.items():
            assert after(state, move) is target


def test_nothing_reaches_the_ca_without_an_approval_once_it_waited_for_one() -> None:
    to_the_ca = set(MOVES[State.PENDING_APPROVAL].values()) & ACTIVE
    assert to_the_ca == {State.APPROVED}
    assert MOVES[State.PENDING_APPROVAL][Move.APPROVE] is State.APPROVED
