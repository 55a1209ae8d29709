"""Successors of certificates: with a new CSR, or once more with the one that is there."""

from dataclasses import replace
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    ColumnExpressionArgument,
    Uuid,
    and_,
    bindparam,
    exists,
    func,
    not_,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from scm_api.core.access import Principal
from scm_api.core.lifecycle import Move
from scm_api.core.names import names_from
from scm_api.core.subjects import Subject, subject_from
from scm_api.core.succession import judge_new_key, judge_same_type
from scm_api.core.vocabulary import (
    CertificateType,
    EnrollmentState,
    RevocationState,
)
from scm_api.core.weak_keys import KeyChecks
from scm_api.db.models import AuditEvent, Certificate, Enrollment
from scm_api.db.statements import AnySelect, Single, Statement
from scm_api.issuance.approval import unanswered
from scm_api.issuance.intake import Judged, Request, judge_request
from scm_api.issuance.judgement import Asked

_CAME_TO_NOTHING: Final = (
    EnrollmentState.DECLINED,
    EnrollmentState.REJECTED,
    EnrollmentState.FAILED,
    EnrollmentState.CANCELED,
)
_NOT_REVOKED: Final = or_(
    Certificate.revocation_state.is_(None),
    Certificate.revocation_state.in_(
        [RevocationState.DECLINED, RevocationState.EXPIRED, RevocationState.CANCELED]
    ),
)


def renewable_by_itself() -> tuple[ColumnExpressionArgument[bool], ...]:
    """Whether a certificate is one that the service renews unasked, should its time have come."""
    return (
        Certificate.quarantined.is_(None),
        Certificate.deactivated_at.is_(None),
        _NOT_REVOKED,
        ~succeeded(),
    )


async def is_given_up(session: AsyncSession | Single, enrollment: Enrollment) -> bool:
    """Whether the service asked for a renewal unasked, and would not any more: what it was to renew
    was revoked, given back or renewed by somebody meanwhile."""
    if enrollment.renews_certificate_id is None or enrollment.replace_reason is not None:
        return False
    asked = {"enrollment": enrollment.id, "certificate": enrollment.renews_certificate_id}
    return bool(await _given_up().fetch(session, asked))


@cache
def _given_up() -> Statement:
    """A row, or none. Whether anybody asked, at first or by a retry, is in the events alone."""
    return Statement(
        select(Certificate.id).where(
            Certificate.id == bindparam("certificate", None, Uuid),
            exists().where(*_event("created"), AuditEvent.principal_id.is_(None)),
            ~exists().where(*_event(Move.RETRY, Move.ASK_AGAIN)),
            ~and_(*renewable_by_itself()),
        )
    )


def _event(*verbs: str) -> tuple[ColumnElement[bool], ...]:
    actions = [f"enrollment.{verb}" for verb in verbs]
    return (
        AuditEvent.subject_id == bindparam("enrollment", None, Uuid),
        AuditEvent.action.in_(actions),
    )


def succeeded() -> ColumnElement[bool]:
    """Whether a certificate is there that took the place of one: what renews it, or renews what
    renewed it, and so on, and is not revoked or quarantined. That it expired since is no matter."""
    direct, line = aliased(Certificate), _line()
    further = exists().where(line.c.id != Certificate.id, line.c.holds).correlate(Certificate)
    # Nearly always it is the direct one, which takes less time to find.
    return or_(
        exists().where(direct.renews_certificate_id == Certificate.id, _holds(direct)), further
    )


def successor_ids() -> ColumnElement[Any]:
    """Those that `succeeded` finds, or NULL."""
    line = _line()
    found = select(func.array_agg(line.c.id)).where(line.c.id != Certificate.id, line.c.holds)
    return found.correlate(Certificate).scalar_subquery()


def _line(certificate_id: UUID | None = None) -> CTE:
    """A certificate, that of the outer query where none is named, and all that follow it."""
    itself, next_one = aliased(Certificate), aliased(Certificate)
    line = (
        select(itself.id, _holds(itself).label("holds"))
        .where(itself.id == (certificate_id or Certificate.id))
        .correlate(Certificate)
        .cte("line", recursive=True, nesting=True)
    )
    follows = next_one.renews_certificate_id == line.c.id
    return line.union(select(next_one.id, _holds(next_one)).join(line, follows))


def _holds(certificate: type[Certificate]) -> ColumnElement[bool]:
    """Whether it can take the place of another."""
    return and_(
        certificate.quarantined.is_(None),
        certificate.revocation_state.is_distinct_from(RevocationState.DONE.value),
    )


def has_successor() -> ColumnElement[bool]:
    """Whether somebody renewed a certificate, or is about to: what was issued and revoked since is
    none, and nor is what came to nothing.

    Certain only while its row and those that follow it are locked: whoever renews locks as well.
    """
    line, issued = _line(), aliased(Certificate)
    is_gone = exists().where(issued.enrollment_id == Enrollment.id, not_(_holds(issued)))
    return (
        exists()
        .where(
            Enrollment.renews_certificate_id == line.c.id,
            Enrollment.state.not_in(_CAME_TO_NOTHING),
            not_(unanswered()),
            not_(and_(Enrollment.state == EnrollmentState.ISSUED.value, is_gone)),
        )
        .correlate(Certificate)
    )


def parked_successor() -> ColumnElement[Any]:
    """An enrollment for a successor that waits for a person to look, or NULL."""
    line = _line()
    found = select(Enrollment.id).where(
        Enrollment.renews_certificate_id == line.c.id,
        Enrollment.state == EnrollmentState.PARKED.value,
    )
    return found.order_by(Enrollment.id).limit(1).correlate(Certificate).scalar_subquery()


async def lock_successors(session: AsyncSession, certificate_id: UUID) -> None:
    """Keep others from renewing what follows a certificate, until the commit."""
    following = select(_line(certificate_id).c.id)
    query: AnySelect = (
        select(Certificate.id)
        .where(Certificate.id.in_(following), Certificate.id != certificate_id)
        .order_by(Certificate.id)
        .with_for_update(key_share=True)
    )
    await session.execute(query)


async def request_again(
    session: AsyncSession,
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
        asked=await _asked_again(session, before),
        comment=comment,
        renews_certificate_id=row.id,
        requester_id=before.requester_id,
        requester_known_to=before.requester_known_to,
        key_made=before.key_made,
        bulk_renewal_id=bulk_renewal_id,
        order_options=before.order_options,
        subject=kept_subject(before),
    )


async def _asked_again(session: AsyncSession, before: Enrollment) -> Asked:
    """The same names and term. An end that was asked for is as far away again; a replacement ended
    with what it replaced, so that it has the term of that."""
    names = names_from(before.names)
    while before.replace_reason is not None:
        replaced = await session.get_one(Certificate, before.renews_certificate_id)
        before = await session.get_one(Enrollment, replaced.enrollment_id)
    if before.not_after is None or before.term["asked_not_after"] is None:
        return Asked(names, before.term["asked_days"])
    now = (await session.execute(select(func.now()))).scalar_one()  # that of the judgement
    end = now + (before.not_after - before.created_at)
    return Asked(names, None, end.replace(microsecond=0))


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
