"""The states of an enrollment and the moves between them: one table, nothing else decides."""

from collections.abc import Mapping
from enum import StrEnum

from scm_api.core.errors import Conflict
from scm_api.core.vocabulary import EnrollmentState as State


class Move(StrEnum):
    """What can happen to an enrollment; audit events are named `enrollment.<move>`."""

    APPROVE = "approved"
    DECLINE = "declined"
    CANCEL = "canceled"
    EXPIRE = "expired"
    BEGIN = "submitting"
    ACCEPT = "accepted_by_ca"
    ISSUE = "issued"
    REJECT = "rejected"
    FAIL = "failed"
    PARK = "parked"
    RETRY = "retried"
    ASK_AGAIN = "approval_requested"
    ADOPT = "adopted"


MOVES: Mapping[State, Mapping[Move, State]] = {
    State.PENDING_APPROVAL: {
        Move.APPROVE: State.APPROVED,
        Move.DECLINE: State.DECLINED,
        Move.CANCEL: State.CANCELED,
        Move.EXPIRE: State.CANCELED,
    },
    State.APPROVED: {
        Move.BEGIN: State.SUBMITTING,
        Move.CANCEL: State.CANCELED,
        Move.FAIL: State.FAILED,
        Move.PARK: State.PARKED,
    },
    State.SUBMITTING: {
        Move.ACCEPT: State.PENDING_CA,
        Move.ISSUE: State.ISSUED,
        Move.REJECT: State.REJECTED,
        Move.PARK: State.PARKED,
    },
    State.PENDING_CA: {
        Move.ISSUE: State.ISSUED,
        Move.REJECT: State.REJECTED,
        Move.CANCEL: State.CANCELED,
        Move.PARK: State.PARKED,
    },
    State.PARKED: {
        Move.RETRY: State.APPROVED,
        Move.ASK_AGAIN: State.PENDING_APPROVAL,
        Move.ADOPT: State.PENDING_CA,
        Move.CANCEL: State.CANCELED,
    },
    State.ISSUED: {},
    State.DECLINED: {},
    State.REJECTED: {},
    State.FAILED: {},
    State.CANCELED: {},
}

FINAL = frozenset(state for state, moves in MOVES.items() if not moves)
# States in which the service itself has the next step to take.
ACTIVE = frozenset({State.APPROVED, State.SUBMITTING, State.PENDING_CA})


def after(state: State, move: Move) -> State:
    """Where `move` leads from `state`; raises Conflict (`wrong-state`) where it does not lead."""
    moves = MOVES[state]
    if move not in moves:
        possible = ", ".join(sorted(move.value for move in moves)) or "nothing; it is final"
        raise Conflict(
            f"An enrollment that is {state.value} cannot become {move.value}; "
            f"possible now: {possible}.",
            code="wrong-state",
        )
    return moves[move]
