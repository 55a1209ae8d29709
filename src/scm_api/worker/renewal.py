"""Renewals the service makes by itself, from the CSR a certificate was made with.

A certificate is looked at once its window is open, and after a failure again when an eighth of the
time from there to its end has passed, a day at most. The row is locked and remembers the look in
the transaction that stores the new enrollment, so that of many workers one renews, once.
"""

from datetime import timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    ColumnExpressionArgument,
    bindparam,
    extract,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.errors import Conflict
from scm_api.core.rights import LEVELS, Rights, missing
from scm_api.core.vocabulary import CertificateType, Privilege
from scm_api.core.weak_keys import KeyChecks
from scm_api.db.audit import record
from scm_api.db.models import Admin, Certificate, CertificateProfile, Enrollment
from scm_api.db.rights import organizations_of, rights_of
from scm_api.db.session import Database, is_away
from scm_api.issuance.intake import accept
from scm_api.issuance.renewal import (
    has_successor,
    judge_successor,
    lock_successors,
    parked_successor,
    renewable_by_itself,
    request_again,
)
from scm_api.logger import get_logger

_log = get_logger(__name__)
_A_DAY: Final = 86_400  # seconds
_BATCH: Final = 200
_WHY: Final = "renewed by itself, as the certificate profile says"
_PARKED: Final = (
    "Enrollment {}, which is to renew it, is parked: somebody has to look at it. Nothing else is "
    "ordered before that one is issued or canceled."
)
_STUMBLED: Final = (
    "The service failed to renew it ({}), as its log tells, and tries again later. Renew it by "
    "hand if that lasts."
)


class Renewals:
    """Finds certificates that are due and enrolls for their successors."""

    def __init__(self, database: Database, checks: KeyChecks, approval_within: timedelta) -> None:
        self._database = database
        self._checks = checks
        self._approval_within = approval_within

    async def renew_due(self) -> int:
        """Look at what is due, each in a transaction of its own; returns how many there were."""
        async with self._database.transaction() as session:
            found = await session.scalars(_due())
        looked_at = 0
        for certificate_id in found.all():
            async with self._database.transaction() as session:
                row = await session.scalar(_still_due(), {"certificate_id": certificate_id})
                if row is not None:
                    row.renewal_tried_at = func.now()
                    row.renewal_problem = await self._renew_or_stumble(session, row)
                    looked_at += 1
        return looked_at

    async def _renew_or_stumble(self, session: AsyncSession, row: Certificate) -> str | None:
        """What `_renew` does; an error of ours is told like any other reason, for the next one is
        not looked at before this one was."""
        try:
            async with session.begin_nested():
                return await self._renew(session, row)
        except Exception as error:
            if is_away(error):
                raise
            _log.exception("renewal failed", certificate_id=str(row.id))
            return _refused(session, row, [_STUMBLED.format(type(error).__name__)])

    async def _renew(self, session: AsyncSession, row: Certificate) -> str | None:
        """Enroll for the successor; returns what keeps it from that, in words."""
        await lock_successors(session, row.id)
        asked = select(has_successor().label("there"), parked_successor().label("parked"))
        successor = (await session.execute(asked.where(Certificate.id == row.id))).one()
        if successor.parked is not None:
            return _refused(session, row, [_PARKED.format(successor.parked)])
        if successor.there:
            return None
        before = await session.get_one(Enrollment, row.enrollment_id)
        request = await request_again(session, row, before, _WHY)
        judged = await judge_successor(session, None, row, request, self._checks)
        found = [fault.detail for fault in judged.faults]
        found += await _right_lost(session, before)
        if not found:
            try:
                await accept(session, None, judged, self._approval_within)
            except Conflict as full:
                found = [full.detail]
            else:
                return None
        return _refused(session, row, found)


def _refused(session: AsyncSession, row: Certificate, found: list[str]) -> str:
    """Record why a certificate is not renewed; returns it in words."""
    record(
        session,
        None,
        "certificate.renewal_refused",
        ("certificate", row.id),
        organization_id=row.organization_id,
        details={"found": found},
    )
    return " ".join(dict.fromkeys(found))


async def _right_lost(session: AsyncSession, before: Enrollment) -> list[str]:
    """The service has no right of its own to enroll on behalf of an account: it goes on with that
    of whoever asked for the certificate, while they have all that asking for it takes."""
    if before.subject is None:
        return []
    admin = await session.get_one(Admin, before.requester_id)
    rights = rights_of(admin)
    wanted = Rights(
        LEVELS[0],
        frozenset({before.organization_id}),
        frozenset({CertificateType(before.certificate_type)}),
        frozenset({Privilege.ENROLL, Privilege.ENROLL_ON_BEHALF}),
    )
    seen = await organizations_of(session, rights)
    lacking = missing(wanted, rights.role, seen, rights.certificate_types, rights.privileges) or (
        [] if admin.active else ["an active account"]
    )
    if not lacking:
        return []
    return [
        f"{admin.name}, who had it made for an account of the directory, may not do so any more "
        f"and lacks {', '.join(lacking)}; somebody who may has to renew it."
    ]


@cache
def _due() -> Any:
    """The due certificates that end first: to look for them takes the longer the more there are
    that have not ended, however many have."""
    return (
        select(Certificate.id)
        .join(CertificateProfile, CertificateProfile.id == Certificate.certificate_profile_id)
        .where(*_is_due())
        .order_by(Certificate.not_after, Certificate.id)
        .limit(_BATCH)
    )


@cache
def _still_due() -> Any:
    """One of them, unless another worker is looking at it or did meanwhile."""
    return (
        select(Certificate)
        .join(CertificateProfile, CertificateProfile.id == Certificate.certificate_profile_id)
        .where(Certificate.id == bindparam("certificate_id"), *_is_due())
        .with_for_update(skip_locked=True, of=Certificate)
    )


def _is_due() -> tuple[ColumnExpressionArgument[bool], ...]:
    return (
        CertificateProfile.auto_renew,
        CertificateProfile.enabled,
        Certificate.renewal_opens_at <= func.now(),
        Certificate.not_after > func.now(),
        _not_looked_at_lately(),
        *renewable_by_itself(),
    )


def _not_looked_at_lately() -> ColumnElement[bool]:
    left = extract("epoch", Certificate.not_after - Certificate.renewal_opens_at)
    pause = func.least(_A_DAY, left / 8)
    tried = Certificate.renewal_tried_at
    return or_(tried.is_(None), extract("epoch", func.now() - tried) >= pause)
