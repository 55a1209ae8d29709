"""Rows of external assignments."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal, sees
from scm_api.core.errors import NotFound, Use
from scm_api.core.lifecycle import FINAL
from scm_api.db.models import Enrollment, ExternalAssignment, Organization
from scm_api.db.statements import AnySelect
from scm_api.db.uses import enrollments_using

_SHOWN = (
    "id",
    "organization_id",
    "ca_backend_id",
    "external_organization_id",
    "name",
    "status",
    "usable",
    "validations",
    "checked_at",
    "created_at",
    "updated_at",
    "version",
)


async def require_organization(
    session: AsyncSession, principal: Principal, organization_id: UUID
) -> None:
    """Raises NotFound when there is none the caller may see."""
    found = await session.get(Organization, organization_id)
    if found is None or not sees(principal, organization_id):
        raise NotFound("organization")


def external_assignments(organization_id: UUID) -> AnySelect:
    """Those of one organization, which the caller was found to see."""
    columns = [getattr(ExternalAssignment, name) for name in _SHOWN]
    return select(*columns).where(ExternalAssignment.organization_id == organization_id)


async def locked(
    session: AsyncSession, organization_id: UUID, external_assignment_id: UUID
) -> ExternalAssignment:
    """The row itself, locked for a change; raises NotFound."""
    query = (
        select(ExternalAssignment)
        .where(
            ExternalAssignment.id == external_assignment_id,
            ExternalAssignment.organization_id == organization_id,
        )
        .with_for_update()
    )
    row = await session.scalar(query)
    if row is None:
        raise NotFound("external assignment")
    return row


async def content(
    session: AsyncSession, organization_id: UUID, external_assignment_id: UUID
) -> dict[str, Any]:
    """One as the contract shows it; raises NotFound."""
    query = external_assignments(organization_id).where(
        ExternalAssignment.id == external_assignment_id
    )
    row = (await session.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound("external assignment")
    return dict(row)


async def waiting_enrollments(
    session: AsyncSession, principal: Principal, row: ExternalAssignment
) -> tuple[Sequence[Use], int]:
    """Enrollments that are under way for the assigned organization, its departments' included."""
    theirs = or_(
        Enrollment.organization_id == row.organization_id,
        Enrollment.organization_id.in_(
            select(Organization.id).where(Organization.parent_id == row.organization_id)
        ),
    )
    return await enrollments_using(
        session,
        principal,
        theirs
        & (Enrollment.ca_backend_id == row.ca_backend_id)
        & Enrollment.state.not_in(FINAL)
        & (Enrollment.external_organization_id == row.external_organization_id),
    )
