"""When a revocation may take effect, and how far it is at an instant."""

from datetime import datetime
from typing import Final

from scm_api.core.errors import Fault
from scm_api.core.instants import rfc_3339
from scm_api.core.vocabulary import RevocationReason, RevocationState

SENT: Final = (RevocationState.REQUESTED, RevocationState.PENDING_CA, RevocationState.DONE)
"""States of a revocation that is on its way to the CA or done: nobody takes it back."""


def state_at(
    state: RevocationState | None,
    now: datetime,
    *,
    approval_expires_at: datetime | None,
    effective_at: datetime | None,
) -> RevocationState | None:
    """The stored state as of `now`: that nobody answered in time, or that the time of a scheduled
    revocation has come, is seen without anything having run."""
    if state is RevocationState.PENDING_APPROVAL:
        over = approval_expires_at is not None and approval_expires_at <= now
        return RevocationState.EXPIRED if over else state
    if state is RevocationState.SCHEDULED:
        due = effective_at is None or effective_at <= now
        return RevocationState.REQUESTED if due else state
    return state


def is_held(state: RevocationState | None, told: RevocationReason | None) -> bool:
    """Whether the CA was told to put the certificate on hold, or is being told, `told` being for
    which reason it revokes: that may be lifted there, until it is revoked for good."""
    held = (RevocationState.REQUESTED, RevocationState.DONE)
    return told is RevocationReason.CERTIFICATE_HOLD and state in held


def asks_for_more(
    state: RevocationState | None, told: RevocationReason | None, reason: RevocationReason
) -> bool:
    """Whether to revoke for `reason` is more than what was asked for before, for `told`: the key
    turns out to be compromised before anybody approved that, or what is on hold, or about to be, is
    revoked for good (RFC 5280 section 5.3.1)."""
    if reason is told:
        return False
    if state is RevocationState.PENDING_APPROVAL:
        graver = reason is RevocationReason.KEY_COMPROMISE
        return graver or told is RevocationReason.CERTIFICATE_HOLD
    return is_held(state, told)


def judge_taking_place(
    state: RevocationState | None, reason: RevocationReason, *, waits: bool, pointer: str = ""
) -> list[Fault]:
    """Whether a new request may take the place of what is there, `waits` being whether it first
    waits for approval.

    It then takes no place of what is scheduled: should nobody approve it, the certificate would
    stay valid though its end was agreed upon. A compromised key does all the same, since asking for
    its end is never made harder. Code: `wrong-state`.
    """
    loses = state is RevocationState.SCHEDULED and waits
    if not loses or reason is RevocationReason.KEY_COMPROMISE:
        return []
    detail = (
        "A revocation is scheduled, which this request, while it waits for approval, would undo. "
        "Take it back first (/revocation/cancel), then ask anew."
    )
    return [Fault(pointer, "wrong-state", detail, "the reason key_compromise")]


def judge_effective_at(
    effective_at: datetime | None,
    reason: RevocationReason,
    now: datetime,
    not_after: datetime,
    *,
    held: bool = False,
) -> list[Fault]:
    """Whether a revocation may be put off until `effective_at`; None is at once.

    It lies ahead, since CAs revoke from when they are told to, and before the certificate ends.
    A compromised key is not left in use, and what is on hold (`held`) not let go of. Code:
    `effective-at-not-possible`.
    """
    if effective_at is None:
        return []
    pointer, code = "/effective_at", "effective-at-not-possible"
    between = f"an instant after {rfc_3339(now)} and before {rfc_3339(not_after)}"
    if reason is RevocationReason.KEY_COMPROMISE:
        detail = "A compromised key is revoked at once."
        return [Fault(pointer, code, detail, "no effective_at, or another reason")]
    if held:
        detail = "What is on hold is revoked for good at once."
        return [Fault(pointer, code, detail, "no effective_at")]
    if effective_at <= now:
        detail = "It has passed, and a CA revokes from when it is told to."
        return [Fault(pointer, code, detail, between)]
    if effective_at >= not_after:
        detail = "The certificate ends before that."
        return [Fault(pointer, code, detail, between)]
    return []
