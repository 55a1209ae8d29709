"""Rows of bulk revocations, with the state of their certificates counted."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal
from scm_api.core.errors import NotFound
from scm_api.core.vocabulary import RevocationState
from scm_api.db.models import (
    BulkRevocation,
    BulkRevocationCertificate,
    Certificate,
    CertificateProfile,
)
from scm_api.db.scope import within
from scm_api.db.statements import AnySelect
from scm_api.issuance.revocability import ISSUER_COLUMNS, with_issuer
from scm_api.issuance.revocation import state_now

_COLUMNS = (
    BulkRevocation.id,
    BulkRevocation.reason,
    BulkRevocation.comment,
    BulkRevocation.requester_id,
    BulkRevocation.created_at,
)
_OPEN = (
    RevocationState.PENDING_APPROVAL,
    RevocationState.SCHEDULED,
    RevocationState.REQUESTED,
    RevocationState.PENDING_CA,
)


def bulk_revocations(principal: Principal) -> AnySelect:
    """Those about at least one certificate the caller may see, which alone are counted."""
    seen = within(principal, Certificate.organization_id, Certificate.certificate_type)
    return _all().where(seen)


@cache
def _all() -> AnySelect:
    counts = (
        func.count().filter(state_now() == state.value).label(state.value)
        for state in RevocationState
    )
    return (
        select(*_COLUMNS, func.count().label("total"), *counts)
        .join(
            BulkRevocationCertificate,
            BulkRevocationCertificate.bulk_revocation_id == BulkRevocation.id,
        )
        .join(Certificate, Certificate.id == BulkRevocationCertificate.certificate_id)
        .group_by(*_COLUMNS)
    )


def content(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row as the contract shows it."""
    progress = {state.value: row[state.value] for state in RevocationState}
    open_ones = sum(progress[state] for state in _OPEN)
    shown = {column.key: row[column.key] for column in _COLUMNS}
    return shown | {"total": row["total"], "progress": progress, "finished": open_ones == 0}


async def bulk_revocation(
    session: AsyncSession, principal: Principal, bulk_revocation_id: UUID
) -> dict[str, Any]:
    """One as the contract shows it; raises NotFound."""
    query = bulk_revocations(principal).where(BulkRevocation.id == bulk_revocation_id)
    row = (await session.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound("bulk revocation")
    return content(dict(row))


async def locked(
    session: AsyncSession, principal: Principal, certificate_ids: Sequence[UUID]
) -> Sequence[Row[Any]]:
    """The certificates the caller may see, with what their revocation depends on.

    Locked for a change, always in the same order, so that two requests never wait for each other.
    """
    columns = (Certificate, CertificateProfile.revocation_requires_approval, *ISSUER_COLUMNS)
    query: AnySelect = (
        with_issuer(select(*columns).select_from(Certificate))
        .join(CertificateProfile, CertificateProfile.id == Certificate.certificate_profile_id)
        .where(
            Certificate.id.in_(certificate_ids),
            within(principal, Certificate.organization_id, Certificate.certificate_type),
        )
        .order_by(Certificate.id)
        .with_for_update(of=Certificate, key_share=True)
    )
    return (await session.execute(query)).all()
