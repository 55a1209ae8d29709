"""Successors of certificates: with a new CSR, or once more with the one that is there."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, not_
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal
from scm_api.core.names import Name
from scm_api.core.subjects import Subject, subject_from
from scm_api.core.succession import judge_new_key, judge_same_type
from scm_api.core.vocabulary import CertificateType, EnrollmentState, NameKind
from scm_api.core.weak_keys import KeyChecks
from scm_api.db.models import Certificate, Enrollment
from scm_api.issuance.approval import unanswered
from scm_api.issuance.intake import Judged, Request, judge_request
from scm_api.issuance.judgement import Asked

_CAME_TO_NOTHING: Final = (
    EnrollmentState.DECLINED,
    EnrollmentState.REJECTED,
    EnrollmentState.FAILED,
    EnrollmentState.CANCELED,
)


def has_successor() -> ColumnElement[bool]:
    """Whether somebody renewed a certificate, or is about to.

    Certain only while its row is locked: whoever renews locks it as well.
    """
    return (
        exists()
        .where(
            Enrollment.renews_certificate_id == Certificate.id,
            Enrollment.state.not_in(_CAME_TO_NOTHING),
            not_(unanswered()),
        )
        .correlate(Certificate)
    )


def request_again(
    row: Certificate,
    before: Enrollment,
    comment: str,
    *,
    bulk_renewal_id: UUID | None = None,
) -> Request:
    """The request that led to a certificate, once more: same CSR, names and term.

    `before` is its enrollment; what the service asks for by itself is in its requester's name.
    """
    return Request(
        organization_id=row.organization_id,
        certificate_profile_id=row.certificate_profile_id,
        csr=before.csr_der,
        asked=Asked(
            [Name(NameKind(name["kind"]), name["value"]) for name in before.names],
            before.term["asked_days"],
        ),
        comment=comment,
        renews_certificate_id=row.id,
        requester_id=before.requester_id,
        requester_known_to=before.requester_known_to,
        key_made=before.key_made,
        bulk_renewal_id=bulk_renewal_id,
        order_options=before.order_options,
        subject=kept_subject(before),
    )


def kept_subject(before: Enrollment) -> Subject | None:
    """The account a certificate was made for. Whether it is still the same is found out when the
    order of its successor is about to be sent."""
    return subject_from(before.subject) if before.subject else None


async def judge_successor(
    session: AsyncSession,
    caller: Principal | None,
    row: Certificate,
    request: Request,
    checks: KeyChecks,
) -> Judged:
    """Judge a request to follow `row`, by the rules of today and by what may follow it."""
    judged = await judge_request(session, caller, request, checks)
    if judged.facts is None or judged.csr is None:
        return judged
    rules = judged.facts.rules
    followed = [
        *judge_same_type(CertificateType(row.certificate_type), rules.certificate_type),
        *judge_new_key(
            row.spki_sha256,
            judged.csr.spki_sha256,
            same_allowed=rules.renew_with_same_key,
            reason=request.replace_reason,
        ),
    ]
    return replace(judged, faults=[*judged.faults, *followed])
