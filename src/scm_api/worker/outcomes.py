"""Recording what a call to the CA led to, each in one transaction under the claim."""

import random
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.certificate_facts import CertificateFacts
from scm_api.core.granted_term import granting
from scm_api.core.issued import IssuedVerdict
from scm_api.core.lifecycle import Move
from scm_api.core.pace import poll_interval, retry_interval
from scm_api.core.renewal_window import opens_at
from scm_api.core.vocabulary import BackendStatus, RevocationReason
from scm_api.db.audit import record
from scm_api.db.base import new_id
from scm_api.db.jobs import Job, enqueue
from scm_api.db.models import Certificate, CertificateName, CertificateText
from scm_api.drivers.base import Issued, Pending, Rejected
from scm_api.drivers.errors import BackendRefused, BackendUnavailable, OrderRefused
from scm_api.gateway.health import record_health
from scm_api.issuance.revocation import revoke_replaced, revoke_succeeded
from scm_api.worker.claims import NOW, Claim, Later, move, write, write_attempt
from scm_api.worker.planning import REFUSED_WAIT, outcome_unknown

_ENDED: dict[str, Any] = {"due_at": None, "lease_until": None, "steps": 0, "failures": 0}
_PROGRESS: dict[str, Any] = {"reason_code": None, "reason": None, "steps": 0, "failures": 0}


async def come_back(session: AsyncSession, claim: Claim, wait: timedelta, **values: Any) -> None:
    """Release the claim and have the next step taken after `wait`, in this transaction."""
    due = Later(wait)  # by the clock of the queue: a job before its time would be lost
    await write(session, claim, due_at=due, lease_until=None, **values)
    await enqueue(session, Job.ADVANCE_ENROLLMENT, claim.id, delay=wait)


async def accepted(session: AsyncSession, claim: Claim, outcome: Pending) -> None:
    """The CA took the order: its reference is stored before anything else happens.

    With nothing to wait for the claim is kept, and the caller polls at once.
    """
    details = {"ca_ref": outcome.ca_ref, "waits_for": outcome.waits_for}
    await move(session, claim, Move.ACCEPT, details=details, **_PROGRESS)
    await write_attempt(session, claim, ca_ref=outcome.ca_ref, waits_for=outcome.waits_for)
    if outcome.poll_after > timedelta(0):
        await come_back(session, claim, outcome.poll_after)


async def still_pending(session: AsyncSession, claim: Claim, outcome: Pending) -> None:
    """The CA is not done; the next look comes later than this one did."""
    steps = claim.enrollment.steps
    wait = poll_interval(steps, outcome.poll_after, random.random())  # noqa: S311 -- jitter
    if outcome.waits_for is not None:
        await write_attempt(session, claim, waits_for=outcome.waits_for)
    await come_back(
        session, claim, wait, steps=steps + 1, failures=0, reason_code=None, reason=None
    )


async def rejected(session: AsyncSession, claim: Claim, outcome: Rejected | OrderRefused) -> None:
    """The CA decided against the order, in its own words.

    Of one that a person took over it is not certain that it is this one: the person looks again.
    """
    if _is_adopted(claim):
        await _give_back(session, claim, f"the CA says of it: {outcome.detail}")
        return
    details = {"code": outcome.code, "detail": outcome.detail}
    values = {"reason_code": "rejected-by-ca", "reason": outcome.detail}
    await move(session, claim, Move.REJECT, details=details, **(_ENDED | values))
    await end_attempt(session, claim, "rejected")


async def canceled(session: AsyncSession, claim: Claim) -> None:
    """The CA took the order back, as somebody asked."""
    await move(session, claim, Move.CANCEL, details={}, **(_ENDED | _PROGRESS))
    await end_attempt(session, claim, "canceled")


async def not_canceled(session: AsyncSession, claim: Claim, error: OrderRefused) -> None:
    """The CA does not take the order back, perhaps because it issued it just now: look at once."""
    record(
        session,
        None,
        "enrollment.cancel_refused",
        ("enrollment", claim.id),
        organization_id=claim.enrollment.organization_id,
        details={"detail": error.detail},
    )
    await come_back(session, claim, timedelta(0), cancel_requested_at=None, **_PROGRESS)


async def parked(
    session: AsyncSession, claim: Claim, reason: tuple[str, str], *, end: bool = True
) -> None:
    """Hand the enrollment to a person, with the reason and what to do."""
    code, sentence = reason
    if code == "outcome-unknown":
        sentence = " ".join(filter(None, (sentence, _where_to_look(claim))))
    values = {"reason_code": code, "reason": sentence}
    await move(
        session, claim, Move.PARK, details={"reason": code, "detail": sentence}, **(_ENDED | values)
    )
    if end and claim.attempt is not None:
        await end_attempt(session, claim, code[:24])


def _where_to_look(claim: Claim) -> str:
    """How a person finds at the CA what became of the order, as far as that is known."""
    rules = claim.rules
    kind, connection = claim.connection.kind, claim.connection.parsed_options
    return kind.where_to_look(rules.typed_options, connection, claim.enrollment.csr_der)


async def end_attempt(session: AsyncSession, claim: Claim, outcome: str) -> None:
    """Close the live attempt."""
    await write_attempt(session, claim, ended_at=NOW, outcome=outcome)


def _is_adopted(claim: Claim) -> bool:
    """Whether a person named the CA's order; nothing was sent by this attempt."""
    attempt = claim.attempt
    return attempt is not None and attempt.first_sent_at is None and attempt.ca_ref is not None


async def _give_back(session: AsyncSession, claim: Claim, why: str) -> None:
    """Let go of an order that was adopted, so that whose it is can have it."""
    assert claim.attempt is not None
    sentence = (
        f"{claim.attempt.ca_ref} is not the order of this enrollment: {why} Adopt another one, "
        "retry for a new order if there is none, or cancel."
    )
    await parked(session, claim, ("adopted-another", sentence), end=False)
    await write_attempt(session, claim, ended_at=NOW, outcome="adopted-another", ca_ref=None)


async def issued(
    session: AsyncSession,
    claim: Claim,
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
    if _is_adopted(claim) and "key-differs" in {each.code for each in verdict.discrepancies}:
        await _give_back(session, claim, "its certificate is for another key.")
        return
    certificate = _certificate(claim, outcome, verdict, leaf)
    reasons = [found.detail for found in verdict.discrepancies]
    await _end_issued(session, claim, certificate, reasons, waste=waste)
    await write_attempt(session, claim, ended_at=NOW, outcome="issued", ca_ref=outcome.ca_ref)
    await _store(session, certificate, verdict, leaf)
    if waste:
        told = {"quarantined": reasons}
        reason = RevocationReason.UNSPECIFIED
        await revoke_succeeded(session, certificate, claim.enrollment, reason, told)
    if not reasons:
        await revoke_replaced(session, claim.enrollment)
        if claim.enrollment.people:
            await enqueue(session, Job.REVOKE_SURPLUS, claim.id)


async def _end_issued(
    session: AsyncSession, claim: Claim, certificate: Certificate, found: list[str], *, waste: bool
) -> None:
    details = {"certificate_id": str(certificate.id), "serial_number": certificate.serial_number}
    if not found:
        await move(session, claim, Move.ISSUE, details=details, **(_ENDED | _PROGRESS))
        return
    sentence = (
        "The CA issued something else than was asked, so the certificate is quarantined: "
        + " ".join(found)
        + (" It is being revoked: find" if waste else " Revoke it, and find")
        + " out why the CA did this before enrolling again."
    )
    values = {"reason_code": "certificate-quarantined", "reason": sentence}
    await move(session, claim, Move.PARK, details=details | {"found": found}, **(_ENDED | values))


async def _store(
    session: AsyncSession, certificate: Certificate, verdict: IssuedVerdict, leaf: CertificateFacts
) -> None:
    session.add(certificate)
    await session.flush()
    session.add(
        CertificateText(
            certificate_id=certificate.id,
            leaf_der=verdict.leaf_der,
            chain_ders=list(verdict.chain_ders),
        )
    )
    for name in dict.fromkeys(leaf.names):
        session.add(
            CertificateName(certificate_id=certificate.id, kind=name.kind, value=name.value[:512])
        )


def _certificate(
    claim: Claim, outcome: Issued, verdict: IssuedVerdict, leaf: CertificateFacts
) -> Certificate:
    enrollment = claim.enrollment
    reasons = [found.detail for found in verdict.discrepancies]
    return Certificate(
        id=new_id(),
        enrollment_id=claim.id,
        organization_id=enrollment.organization_id,
        certificate_profile_id=enrollment.certificate_profile_id,
        ca_backend_id=enrollment.ca_backend_id,
        certificate_type=enrollment.certificate_type,
        renews_certificate_id=enrollment.renews_certificate_id,
        ca_ref=outcome.ca_ref,
        serial_number=f"{leaf.serial_number:x}",
        issuer=leaf.issuer,
        subject=leaf.subject,
        common_name=leaf.common_names[0] if leaf.common_names else None,
        not_before=leaf.not_before,
        not_after=leaf.not_after,
        term=granting(enrollment.term, leaf.not_after, verdict.issued_at, verdict.term_differences),
        renewal_opens_at=opens_at(leaf.not_before, leaf.not_after),
        key_type=leaf.key_type,
        signature_algorithm=leaf.signature_algorithm,
        spki_sha256=leaf.spki_sha256,
        fingerprint_sha256=leaf.fingerprint_sha256,
        chain_complete=verdict.chain_complete,
        notes=list(verdict.notes),
        quarantined=reasons or None,
    )


async def unreadable(session: AsyncSession, claim: Claim, ca_ref: str) -> None:
    """The CA sent something that is no certificate; its reference is kept for a person."""
    sentence = (
        f"The CA says it issued {ca_ref}, but what it sent cannot be read as a certificate. Look "
        "at it there and revoke it; then retry this enrollment for a new order, or cancel it."
    )
    await write_attempt(session, claim, ca_ref=ca_ref)
    await parked(session, claim, ("certificate-unreadable", sentence))


async def unanswered(session: AsyncSession, claim: Claim, detail: str) -> None:
    """The answer to a write was lost. The next step recovers; nothing is sent again blindly."""
    values = {"reason_code": "outcome-unknown", "reason": detail}
    wait = timedelta(seconds=1 + random.random())  # noqa: S311 -- jitter
    await come_back(session, claim, wait, steps=claim.enrollment.steps + 1, **values)


async def unaccounted(session: AsyncSession, claim: Claim, error: OrderRefused) -> None:
    """The CA refuses the repeat of an order, which says nothing about the first send of it."""
    assert claim.attempt is not None
    assert claim.attempt.first_sent_at is not None
    why = f"asked again, the CA refuses the order: {error.detail}"
    await parked(session, claim, outcome_unknown(claim.attempt.first_sent_at, why))


async def untraced(session: AsyncSession, claim: Claim) -> None:
    """A look-up found nothing; when it was made decides what may follow."""
    await come_back(session, claim, timedelta(seconds=1), steps=claim.enrollment.steps + 1)
    await write_attempt(session, claim, untraced_at=NOW)


async def unavailable(
    session: AsyncSession, claim: Claim, error: BackendUnavailable, *, nothing_sent: bool
) -> None:
    """The CA is away or asks for patience, and did nothing: wait, and say so on the backend.

    `nothing_sent` says that no earlier send of the attempt is unaccounted for either.
    """
    steps = claim.enrollment.steps
    wait = retry_interval(steps, error.retry_after, random.random())  # noqa: S311 -- jitter
    values = {"reason_code": "ca-unavailable", "reason": error.detail}
    await come_back(session, claim, wait, steps=steps + 1, **values)
    if nothing_sent and claim.attempt is not None:
        await write_attempt(session, claim, first_sent_at=None)
    if error.retry_after is None:
        await backend_status(session, claim, BackendStatus.OFFLINE, error.detail)


async def refused(
    session: AsyncSession, claim: Claim, error: BackendRefused, *, nothing_sent: bool
) -> None:
    """Our credentials or rights are wrong: the backend shows it, the enrollment waits.

    A right that only this order needs is shown on the enrollment alone.
    """
    values = {"reason_code": "backend-refused", "reason": error.detail}
    await come_back(session, claim, REFUSED_WAIT, steps=claim.enrollment.steps + 1, **values)
    if nothing_sent and claim.attempt is not None:
        await write_attempt(session, claim, first_sent_at=None)
    if error.whole_backend:
        await backend_status(session, claim, BackendStatus.REFUSED, error.detail)


async def backend_status(
    session: AsyncSession, claim: Claim, status: BackendStatus, detail: str
) -> None:
    """Note on the backend what a call just showed."""
    version = claim.connection.version
    backend_id = claim.connection.ca_backend_id
    await record_health(session, backend_id, status, detail, local_version=version)


async def stumbled(session: AsyncSession, claim: Claim, error: Exception, limit: int) -> None:
    """An error of ours: try again later, and after `limit` times in a row ask a person."""
    failures = claim.enrollment.failures + 1
    if failures >= limit:
        sentence = (
            f"Processing failed {failures} times in a row ({type(error).__name__}). Nothing more "
            "is tried. An order may be open at the CA; see the service's log, then retry or cancel."
        )
        await parked(session, claim, ("processing-failed", sentence))
        return
    wait = retry_interval(failures, None, random.random())  # noqa: S311 -- jitter
    await come_back(session, claim, wait, failures=failures)
