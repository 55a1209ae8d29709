"""Rows of bulk renewals, with the state of their enrollments counted."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal
from scm_api.core.errors import NotFound
from scm_api.core.lifecycle import FINAL
from scm_api.core.vocabulary import EnrollmentState
from scm_api.db.models import BulkRenewal, Certificate, Enrollment
from scm_api.db.scope import within
from scm_api.db.statements import AnySelect
from scm_api.issuance.approval import state_now
from scm_api.issuance.renewal import has_successor

_COLUMNS = (
    BulkRenewal.id,
    BulkRenewal.comment,
    BulkRenewal.requester_id,
    BulkRenewal.created_at,
)


def bulk_renewals(principal: Principal) -> AnySelect:
    """Those with at least one enrollment the caller may see, which alone are counted."""
    seen = within(principal, Enrollment.organization_id, Enrollment.certificate_type)
    return _all().where(seen)


@cache
def _all() -> AnySelect:
    counts = (
        func.count().filter(state_now() == state.value).label(state.value)
        for state in EnrollmentState
    )
    return (
        select(*_COLUMNS, func.count().label("total"), *counts)
        .join(Enrollment, Enrollment.bulk_renewal_id == BulkRenewal.id)
        .group_by(*_COLUMNS)
    )


def content(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row as the contract shows it."""
    progress = {state.value: row[state.value] for state in EnrollmentState}
    ended = sum(progress[state] for state in FINAL)
    shown = {column.key: row[column.key] for column in _COLUMNS}
    return shown | {
        "total": row["total"],
        "progress": progress,
        "finished": ended == row["total"],
    }


async def bulk_renewal(
    session: AsyncSession, principal: Principal, bulk_renewal_id: UUID
) -> dict[str, Any]:
    """One as the contract shows it; raises NotFound."""
    query = bulk_renewals(principal).where(BulkRenewal.id == bulk_renewal_id)
    row = (await session.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound("bulk renewal")
    return content(dict(row))


async def lock(
    session: AsyncSession, principal: Principal, certificate_ids: Sequence[UUID]
) -> None:
    """Lock those of the certificates the caller may see.

    Always in the same order, so that two requests never wait for each other.
    """
    query: AnySelect = (
        select(Certificate.id)
        .where(
            Certificate.id.in_(certificate_ids),
            within(principal, Certificate.organization_id, Certificate.certificate_type),
        )
        .order_by(Certificate.id)
        .with_for_update(key_share=True)
    )
    await session.execute(query)


async def certificates(
    session: AsyncSession, principal: Principal, certificate_ids: Sequence[UUID]
) -> Sequence[Row[Any]]:
    """The certificates the caller may see, each with the enrollment that led to it and whether it
    `is_followed` by another: true for good only once they are locked."""
    query: AnySelect = (
        select(Certificate, Enrollment, has_successor().label("is_followed"))
        .join(Enrollment, Enrollment.id == Certificate.enrollment_id)
        .where(
            Certificate.id.in_(certificate_ids),
            within(principal, Certificate.organization_id, Certificate.certificate_type),
        )
        .order_by(Certificate.id)
    )
    return (await session.execute(query)).all()
