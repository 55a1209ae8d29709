"""When to renew a certificate, and which certificates are due: facts for `core.renewal_window`."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from fastapi import Response
from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement

from scm_api.certificates.repository import key_is_blocked, status, visible
from scm_api.core.access import Principal
from scm_api.core.errors import Conflict, NotFound
from scm_api.core.renewal_window import RenewalAdvice, RenewalWindow, renewal_window
from scm_api.core.revocation import SENT
from scm_api.core.vocabulary import CertificateStatus, RevocationState
from scm_api.db.models import BlockedKey, Certificate
from scm_api.db.statements import AnySelect
from scm_api.issuance.renewal import succeeded, successor_ids
from scm_api.issuance.revocation import state_now
from scm_api.web.replies import reply

_SENTENCES: Final = {
    RenewalAdvice.NOT_YET: "It is too early to renew.",
    RenewalAdvice.DUE: "Renew inside the window.",
    RenewalAdvice.OVERDUE: "The window has passed: renew at once.",
    RenewalAdvice.NOW: "The certificate or its key is not to be trusted any more: renew at once.",
    RenewalAdvice.RENEWED: "A certificate that renews this one is there already.",
}


async def renewal_info(
    session: AsyncSession, principal: Principal, certificate_id: UUID
) -> Response:
    """The window with Retry-After (RFC 9773 section 4); raises NotFound, and Conflict for a
    certificate in quarantine, which is not renewed."""
    row = await _facts(session, principal, certificate_id)
    if row["quarantined"]:
        raise Conflict(
            "A quarantined certificate is not renewed; enroll anew.", code="certificate-quarantined"
        )
    window = renewal_window(
        row["not_before"],
        row["ends_at"],
        row["now"],
        distrusted_since=row["distrusted_since"],
        renewed=bool(row["successors"]),
    )
    return reply(_content(window, row), headers={"Retry-After": _seconds(window.retry_after)})


def is_due() -> ColumnElement[bool]:
    """Valid, in use, without a valid successor, and inside or past its window or with a blocked
    key."""
    return and_(
        status() == CertificateStatus.VALID,
        Certificate.deactivated_at.is_(None),
        or_(Certificate.renewal_opens_at <= func.now(), key_is_blocked()),
        ~succeeded(),
    )


async def _facts(
    session: AsyncSession, principal: Principal, certificate_id: UUID
) -> Mapping[str, Any]:
    query = _facts_of_all().where(Certificate.id == certificate_id, visible(principal))
    row = (await session.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound("certificate")
    return dict(row)


@cache
def _facts_of_all() -> AnySelect:
    blocked = select(BlockedKey.created_at).where(BlockedKey.spki_sha256 == Certificate.spki_sha256)
    revoked = case((state_now().in_(SENT), Certificate.revocation_requested_at))
    is_scheduled = state_now() == RevocationState.SCHEDULED.value
    scheduled = case((is_scheduled, Certificate.revocation_effective_at))
    return select(
        Certificate.not_before,
        func.least(Certificate.not_after, scheduled).label("ends_at"),
        Certificate.quarantined,
        successor_ids().label("successors"),
        func.least(blocked.scalar_subquery(), revoked).label("distrusted_since"),
        func.now().label("now"),
    )


def _content(window: RenewalWindow, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "suggested_window": {"start": window.start, "end": window.end},
        "advice": window.advice.value,
        "explanation": _SENTENCES[window.advice],
        "renewed_by_certificate_ids": row["successors"] or [],
    }


def _seconds(wait: timedelta) -> str:
    return str(int(wait.total_seconds()))
