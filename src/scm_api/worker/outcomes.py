"""What a call to the CA led to, each as changes that are written in one transaction."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.issued import Discrepancy, IssuedVerdict
from scm_api.core.lifecycle import Move
from scm_api.core.pace import poll_interval, retry_interval
from scm_api.core.vocabulary import BackendStatus, RevocationReason
from scm_api.db.audit import event_row
from scm_api.db.base import new_id
from scm_api.db.jobs import Job, job_row
from scm_api.db.models import Certificate, Enrollment
from scm_api.db.rows import NOW, Later
from scm_api.drivers.base import Issued, Pending, Rejected, Untraced
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, OrderRefused
from scm_api.gateway.health import record_health
from scm_api.issuance.revocation import revoke_replaced, revoke_succeeded
from scm_api.worker.advice import what_of_the_replaced, where_to_look, why_kept
from scm_api.worker.certificate_rows import certificate_rows
from scm_api.worker.changes import Changes
from scm_api.worker.claims import Claim
from scm_api.worker.planning import REFUSED_WAIT, outcome_unknown

# The claim is kept for it: coming back takes another job, another claim and a look at all that
# belongs to the enrollment, a third of what a certificate costs.
SHORT_WAIT = timedelta(seconds=0.5)
# An accepted order of which the CA tells nothing for so long is left to a person.
_UNKNOWN_AT_MOST = timedelta(days=1)
_SILENT_AT_MOST = timedelta(days=30)
_ENDED: dict[str, Any] = {"due_at": None, "lease_until": None, "steps": 0, "failures": 0}
_PROGRESS: dict[str, Any] = {"reason_code": None, "reason": None, "steps": 0, "failures": 0}


def come_back(changes: Changes, wait: timedelta, **values: Any) -> None:
    """Release the claim and have the next step taken after `wait`."""
    due = Later(wait)  # by the clock of the queue: a job before its time would be lost
    changes.write(due_at=due, lease_until=None, **values)
    organization_id = changes.claim.enrollment.organization_id
    changes.insert(job_row(Job.ADVANCE_ENROLLMENT, changes.claim.id, organization_id, delay=wait))


def accepted(changes: Changes, outcome: Pending) -> None:
    """The CA took the order: its reference is stored before anything else happens.

    For a short wait the claim is kept, and the caller polls after it.
    """
    details = {"ca_ref": outcome.ca_ref, "waits_for": outcome.waits_for}
    changes.move(Move.ACCEPT, details=details, **_PROGRESS)
    changes.write_attempt(
        ca_ref=outcome.ca_ref, waits_for=outcome.waits_for, seen_pending_at=changes.claim.now
    )
    _is_told_of(changes)
    if outcome.poll_after > SHORT_WAIT:
        come_back(changes, outcome.poll_after)


def still_pending(changes: Changes, outcome: Pending, *, itself: bool = True) -> None:
    """The CA is not done; the next look comes later than this one did. `itself` is whether the
    order itself was asked: a list that does not tell of it proves nothing."""
    steps = changes.claim.enrollment.steps
    wait = poll_interval(steps, outcome.poll_after, random.random())  # noqa: S311 -- jitter
    if outcome.waits_for is not None:
        changes.write_attempt(waits_for=outcome.waits_for)
    if itself:
        changes.write_attempt(seen_pending_at=changes.claim.now)
    _is_told_of(changes)
    come_back(changes, wait, steps=steps + 1, failures=0, reason_code=None, reason=None)


def rejected(changes: Changes, outcome: Rejected | OrderRefused) -> None:
    """The CA decided against the order, in its own words.

    Of one that a person took over it is not certain that it is this one: the person looks again.
    """
    if _is_adopted(changes.claim):
        _give_back(changes, f"the CA says of it: {outcome.detail}")
        return
    details = {"code": outcome.code, "detail": outcome.detail}
    values = {"reason_code": "rejected-by-ca", "reason": outcome.detail}
    changes.move(Move.REJECT, details=details, **(_ENDED | values))
    end_attempt(changes, "rejected")


def canceled(changes: Changes) -> None:
    """The CA took the order back, as somebody asked."""
    changes.move(Move.CANCEL, details={}, **(_ENDED | _PROGRESS))
    end_attempt(changes, "canceled")


def not_canceled(changes: Changes, error: OrderRefused) -> None:
    """The CA does not take the order back, perhaps because it issued it just now: look at once."""
    event = event_row(
        None,
        "enrollment.cancel_refused",
        ("enrollment", changes.claim.id),
        organization_id=changes.claim.enrollment.organization_id,
        details={"detail": error.detail},
    )
    changes.insert(event)
    come_back(changes, timedelta(0), cancel_requested_at=None, **_PROGRESS)


def parked(changes: Changes, reason: tuple[str, str], *, end: bool = True) -> None:
    """Hand the enrollment to a person, with the reason and what to do."""
    code, sentence = reason
    if code == "outcome-unknown":
        sentence = " ".join(filter(None, (sentence, where_to_look(changes.claim))))
    values = {"reason_code": code, "reason": sentence}
    changes.move(Move.PARK, details={"reason": code, "detail": sentence}, **(_ENDED | values))
    if end and changes.claim.attempt is not None:
        end_attempt(changes, code[:24])


def end_attempt(changes: Changes, outcome: str) -> None:
    """Close the live attempt."""
    changes.write_attempt(ended_at=NOW, outcome=outcome)


def _is_adopted(claim: Claim) -> bool:
    """Whether a person named the CA's order; nothing was sent by this attempt."""
    attempt = claim.attempt
    return attempt is not None and attempt.first_sent_at is None and attempt.ca_ref is not None


def _give_back(changes: Changes, why: str) -> None:
    """Let go of an order that was adopted, so that whose it is can have it."""
    attempt = changes.claim.attempt
    assert attempt is not None
    sentence = (
        f"{attempt.ca_ref} is not the order of this enrollment: {why} Adopt another one, "
        "retry for a new order if there is none, or cancel."
    )
    parked(changes, ("adopted-another", sentence), end=False)
    changes.write_attempt(ended_at=NOW, outcome="adopted-another", ca_ref=None)


def issued(
    changes: Changes,
    outcome: Issued,
    verdict: IssuedVerdict,
    *,
    waste: bool,
) -> None:
    """Store the certificate, with the end of the enrollment, in one transaction.

    What is not what was asked is stored too, quarantined, and a person decides; `waste` is revoked
    at once. What a person took over and is for another key is somebody else's. The verdict has a
    leaf.
    """
    leaf = verdict.leaf
    assert leaf is not None
    codes = {found.code for found in verdict.discrepancies}
    if _is_adopted(changes.claim) and "key-differs" in codes:
        _give_back(changes, "its certificate is for another key.")
        return
    enrollment, certificate_id = changes.claim.enrollment, new_id()
    reasons = [found.detail for found in verdict.discrepancies]
    told = {"certificate_id": str(certificate_id), "serial_number": f"{leaf.serial_number:x}"}
    _end_issued(changes, told, verdict.discrepancies, waste=waste)
    changes.write_attempt(ended_at=NOW, outcome="issued", ca_ref=outcome.ca_ref)
    for row in certificate_rows(certificate_id, enrollment, outcome.ca_ref, verdict, leaf):
        changes.insert(row)
    if waste:
        changes.also(lambda session: _revoke_waste(session, enrollment, certificate_id, reasons))
    if not reasons and enrollment.replace_reason is not None:
        changes.also(lambda session: revoke_replaced(session, enrollment))
    if not reasons and enrollment.people:
        changes.insert(job_row(Job.REVOKE_SURPLUS, enrollment.id, enrollment.organization_id))


def _end_issued(
    changes: Changes, details: dict[str, Any], found: Sequence[Discrepancy], *, waste: bool
) -> None:
    if not found:
        changes.move(Move.ISSUE, details=details, **(_ENDED | _PROGRESS))
        return
    reasons = [each.detail for each in found]
    why = f"{why_kept(found, waste=waste)} {what_of_the_replaced(changes.claim)}".rstrip()
    values = {"reason_code": "certificate-quarantined", "reason": why}
    changes.move(Move.PARK, details=details | {"found": reasons}, **(_ENDED | values))


async def _revoke_waste(
    session: AsyncSession, enrollment: Enrollment, certificate_id: UUID, found: list[str]
) -> None:
    row = await session.get_one(Certificate, certificate_id)
    reason, told = RevocationReason.UNSPECIFIED, {"quarantined": found}
    await revoke_succeeded(session, row, enrollment, reason, told)


def unreadable(changes: Changes, ca_ref: str) -> None:
    """The CA sent something that is no certificate; its reference is kept for a person."""
    sentence = (
        f"The CA says it issued {ca_ref}, but what it sent cannot be read as a certificate. Look "
        "at it there and revoke it; then retry this enrollment for a new order, or cancel it. "
        f"{what_of_the_replaced(changes.claim)}"
    ).rstrip()
    changes.write_attempt(ca_ref=ca_ref)
    parked(changes, ("certificate-unreadable", sentence))


def unanswered(changes: Changes, detail: str) -> None:
    """The answer to a write was lost. The next step recovers; nothing is sent again blindly."""
    values = {"reason_code": "outcome-unknown", "reason": detail}
    wait = timedelta(seconds=1 + random.random())  # noqa: S311 -- jitter
    come_back(changes, wait, steps=changes.claim.enrollment.steps + 1, **values)


def unaccounted(changes: Changes, error: OrderRefused) -> None:
    """The CA refuses the repeat of an order, which says nothing about the first send of it."""
    attempt = changes.claim.attempt
    assert attempt is not None
    assert attempt.first_sent_at is not None
    why = f"asked again, the CA refuses the order: {error.detail}"
    parked(changes, outcome_unknown(attempt.first_sent_at, why))


def untraced(changes: Changes) -> None:
    """A look-up found nothing; when it was made, at the earliest, decides what may follow."""
    come_back(changes, timedelta(seconds=1), steps=changes.claim.enrollment.steps + 1)
    changes.write_attempt(untraced_at=changes.claim.now)


def unknown(changes: Changes, outcome: Untraced) -> None:
    """The CA knows no order under the reference that it gave us, which may pass: ask again for a
    day. Of one that a person took over, the person has to look again."""
    if _is_adopted(changes.claim):
        _give_back(changes, f"the CA knows no such order. {outcome.detail}")
        return
    steps = changes.claim.enrollment.steps
    wait = retry_interval(steps, None, random.random())  # noqa: S311 -- jitter
    detail = f"The CA knows no such order. {outcome.detail}"
    _wait(changes, wait, ("order-unknown", detail), _UNKNOWN_AT_MOST)


def untold(changes: Changes, error: OrderRefused) -> None:
    """The CA took the order and refuses to say what became of it, which decides nothing: ask again
    for a day. Of one that a person took over, the person has to look again."""
    if _is_adopted(changes.claim):
        _give_back(changes, f"the CA says of it: {error.detail}")
        return
    steps = changes.claim.enrollment.steps
    wait = retry_interval(steps, None, random.random())  # noqa: S311 -- jitter
    detail = f"The CA does not tell what became of its order. {error.detail}"
    _wait(changes, wait, ("order-untold", detail), _UNKNOWN_AT_MOST)


def _wait(changes: Changes, wait: timedelta, reason: tuple[str, str], longest: timedelta) -> None:
    """Ask again after `wait`; but leave to a person an order that the CA has accepted and has told
    nothing of for `longest`. It may exist, so nothing is ordered in its place."""
    (code, detail), claim = reason, changes.claim
    attempt = claim.attempt
    if attempt is not None and attempt.ca_ref is not None:
        since = attempt.untraced_at
        if since is None:
            changes.write_attempt(untraced_at=NOW)
        elif claim.now - since >= longest:
            parked(changes, (code, _untold(attempt.ca_ref, since, detail)))
            return
    steps = claim.enrollment.steps + 1
    come_back(changes, wait, steps=steps, reason_code=code, reason=detail)


def _untold(ca_ref: str, since: datetime, detail: str) -> str:
    return (
        f"Since {since:%Y-%m-%d %H:%M} UTC the CA has told nothing of its order {ca_ref}: {detail} "
        "Look at it there: what it issued can still be adopted. Retry for a new order only if that "
        "one is not there, or cancel."
    )


def _is_told_of(changes: Changes) -> None:
    attempt = changes.claim.attempt
    if attempt is not None and attempt.untraced_at is not None:
        changes.write_attempt(untraced_at=None)


def unavailable(changes: Changes, error: BackendUnavailable, *, nothing_sent: bool) -> None:
    """The CA is away or asks for patience, and did nothing: wait, and say so on the backend.

    `nothing_sent` says that no earlier send of the attempt is unaccounted for either.
    """
    steps = changes.claim.enrollment.steps
    wait = retry_interval(steps, error.retry_after, random.random())  # noqa: S311 -- jitter
    _wait(changes, wait, ("ca-unavailable", error.detail), _SILENT_AT_MOST)
    if nothing_sent and changes.claim.attempt is not None:
        changes.write_attempt(first_sent_at=None)
    if error.retry_after is None:
        _backend_status(changes, BackendStatus.OFFLINE, error.detail)


def refused(changes: Changes, error: BackendRefused, *, nothing_sent: bool) -> None:
    """Our credentials or rights are wrong: the backend shows it, the enrollment waits.

    A right that only this order needs is shown on the enrollment alone.
    """
    _wait(changes, REFUSED_WAIT, ("backend-refused", error.detail), _SILENT_AT_MOST)
    if nothing_sent and changes.claim.attempt is not None:
        changes.write_attempt(first_sent_at=None)
    if error.whole_backend:
        _backend_status(changes, BackendStatus.REFUSED, error.detail)


def _backend_status(changes: Changes, status: BackendStatus, detail: str) -> None:
    """Note on the backend what a call just showed."""
    connection = changes.claim.connection

    async def note(session: AsyncSession) -> None:
        backend_id, version = connection.ca_backend_id, connection.version
        await record_health(session, backend_id, status, detail, local_version=version)

    changes.also(note)


def stumbled(changes: Changes, error: Exception, limit: int) -> None:
    """An error of ours: try again later, and after `limit` times in a row ask a person."""
    failures = changes.claim.enrollment.failures + 1
    if failures >= limit:
        sentence = (
            f"Processing failed {failures} times in a row ({type(error).__name__}). Nothing more "
            "is tried. An order may be open at the CA; see the service's log, then retry or cancel."
        )
        parked(changes, ("processing-failed", sentence))
        return
    wait = retry_interval(failures, None, random.random())  # noqa: S311 -- jitter
    come_back(changes, wait, failures=failures)
