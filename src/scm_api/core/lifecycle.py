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
        Move.CANCEL: State.CANCELED,  # only while no order can have reached the CA
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


# What whoever wanted something else can do.
_INSTEAD: Mapping[State, str] = {
    State.PENDING_APPROVAL: "It waits for approval: have another admin approve or decline it, or "
    "cancel it.",
    State.APPROVED: "It is about to be sent to the CA: wait for it, or cancel it.",
    State.SUBMITTING: "It is being sent to the CA, and goes on by itself: ask again in a moment, "
    "or revoke the certificate once it is issued.",
    State.PENDING_CA: "The CA has it: wait for it, or cancel it.",
    State.PARKED: "A person has to look at it: retry it, adopt its order, or cancel it.",
    State.ISSUED: "It is issued: its certificate can be revoked, renewed or replaced.",
    State.DECLINED: "An admin decided against it: enroll anew if it is still wanted.",
    State.REJECTED: "The CA refused it: change the request and enroll anew.",
    State.FAILED: "It could not be carried out: enroll anew.",
    State.CANCELED: "It was taken back, or nobody approved it in time: enroll anew if it is still "
    "wanted.",
}


def after(state: State, move: Move) -> State:
    """Where `move` leads from `state`; raises Conflict (`wrong-state`), which says what can be done
    instead, where it does not lead."""
    if move not in MOVES[state]:
        raise wrong_state(state, move)
    return MOVES[state][move]


def wrong_state(state: State, move: Move) -> Conflict:
    """That `move` is not possible, and what is."""
    wanted = "retried" if move is Move.ASK_AGAIN else move.value
    detail = f"An enrollment that is {state.value} cannot be {wanted}. {_INSTEAD[state]}"
    return Conflict(detail, code="wrong-state")
