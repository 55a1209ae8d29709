"""What is ordered for an enrollment, the same for every send of one attempt."""

from datetime import timedelta

from scm_api.core.lifecycle import Move
from scm_api.core.names import names_from
from scm_api.core.recovery import token_of
from scm_api.core.subjects import subject_from
from scm_api.core.succession import is_reissued
from scm_api.core.vocabulary import EnrollmentState
from scm_api.db.models import EnrollmentAttempt
from scm_api.db.rows import AT_LAST
from scm_api.drivers.base import Order
from scm_api.issuance.intake import on_behalf
from scm_api.worker.changes import Changes
from scm_api.worker.claims import Claim
from scm_api.worker.clock import boottime
from scm_api.worker.planning import Submit


def intend(changes: Changes, chosen: Submit, lease: timedelta) -> None:
    """Store the attempt, its token and the moment of its first send; then it may be sent, and the
    claim lasts for `lease`."""
    claim = changes.claim
    if lease > claim.lease:
        changes.keep(lease)
    if claim.state is EnrollmentState.APPROVED:
        changes.move(Move.BEGIN, details=on_behalf(claim.enrollment.subject), steps=0)
    if not chosen.fresh:
        changes.write_attempt(first_sent_at=AT_LAST, untraced_at=None)
        return
    number = claim.attempts + 1
    attempt = EnrollmentAttempt(
        enrollment_id=claim.id,
        number=number,
        ca_backend_id=claim.enrollment.ca_backend_id,
        token=token_of(claim.id, number),
        first_sent_at=claim.now,
    )
    changes.begin_attempt(attempt)


def order_of(claim: Claim) -> Order:
    """The order as it was fixed when the attempt was stored."""
    assert claim.attempt is not None
    enrollment = claim.enrollment
    return Order(
        enrollment_id=enrollment.id,
        token=claim.attempt.token,
        csr_der=enrollment.csr_der,
        term_days=enrollment.term_days,
        now=claim.now + timedelta(seconds=boottime() - claim.taken_at),
        not_after=enrollment.not_after,
        common_name=enrollment.common_name,
        names=tuple(names_from(enrollment.names)),
        external_organization=enrollment.external_organization_id,
        # What replaces another before its time is no renewal in the eyes of CAs.
        sent_since=claim.attempt.first_sent_at,
        comment=enrollment.comment,
        subject=subject_from(enrollment.subject) if enrollment.subject else None,
        renews_ca_ref=None if enrollment.replace_reason else claim.renews_ca_ref,
        reissues_ca_ref=_reissued(claim),
    )


def _reissued(claim: Claim) -> str | None:
    revokes = claim.connection.kind.capabilities.reissue_revokes
    reissued = is_reissued(claim.enrollment.replace_reason, revokes=revokes)
    return claim.renews_ca_ref if reissued else None
