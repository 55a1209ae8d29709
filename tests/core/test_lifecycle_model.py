"""Whatever happens, in whatever order: nothing is ordered unapproved or twice, nothing is lost."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from scm_api.core.errors import Conflict
from scm_api.core.lifecycle import FINAL, Move, after
from scm_api.core.vocabulary import EnrollmentState as State


class OneEnrollment(RuleBasedStateMachine):
    """One enrollment, beside what the world outside knows of it.

    `order_open` is whether the CA may be working on an order of it, `certificate` whether there
    is one, `approved` whether a second person agreed to what is ordered next.
    """

    @initialize(requires_approval=st.booleans())
    def is_asked_for(self, requires_approval: bool) -> None:
        self.requires_approval = requires_approval
        self.state = State.PENDING_APPROVAL if requires_approval else State.APPROVED
        self.approved = not requires_approval
        self.order_open = False
        self.certificate = False
        self.end: State | None = None

    @rule(move=st.sampled_from(Move))
    def something_happens(self, move: Move) -> None:
        if move is Move.RETRY and self.requires_approval:
            move = Move.ASK_AGAIN  # what a person's retry is, where approval is required
        try:
            self.state = after(self.state, move)
        except Conflict:
            return
        self._felt_outside(move)

    def _felt_outside(self, move: Move) -> None:
        match move:
            case Move.APPROVE:
                assert not self.approved, "approved twice"
                self.approved = True
            case Move.BEGIN:
                assert self.approved, "ordered without approval"
                assert not self.order_open, "ordered twice"
                self.order_open = True
            case Move.ACCEPT:
                assert self.order_open, "taken by the CA without having been sent"
            case Move.ISSUE:
                assert self.order_open, "issued without an order"
                assert not self.certificate, "issued twice"
                self.order_open, self.certificate = False, True
            case Move.REJECT:
                assert self.order_open, "refused by the CA without an order"
                self.order_open = False
            case Move.RETRY | Move.ASK_AGAIN:  # a person looked at the CA: nothing is open there
                self.order_open = False
                self.approved = move is Move.RETRY
            case Move.ADOPT:  # a person found the order there
                self.order_open = True
            case Move.FAIL | Move.DECLINE | Move.EXPIRE:
                assert not self.order_open, "ended while the CA was at work"
            # Likewise where it was parked; or nothing was sent, or the CA took the order back.
            case Move.CANCEL:
                self.order_open = False

    @invariant()
    def a_certificate_is_never_lost(self) -> None:
        assert self.certificate == (self.state is State.ISSUED)

    @invariant()
    def an_end_is_an_end(self) -> None:
        assert self.end in (None, self.state)
        self.end = self.state if self.state in FINAL else None

    @invariant()
    def whoever_waits_for_approval_has_none(self) -> None:
        assert self.state is not State.PENDING_APPROVAL or not self.approved


TestOneEnrollment = OneEnrollment.TestCase
TestOneEnrollment.settings = settings(stateful_step_count=30)
