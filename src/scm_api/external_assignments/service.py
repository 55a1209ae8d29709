"""Assigning, assigning anew, and taking assignments away."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import Response
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal, require_account_wide
from scm_api.core.errors import Conflict, Fault, Invalid, NotFound
from scm_api.core.external_organizations import missing_validation
from scm_api.db.audit import record
from scm_api.db.models import ExternalAssignment
from scm_api.drivers.base import ExternalOrganization
from scm_api.external_assignments import repository
from scm_api.external_assignments.schemas import ExternalAssignmentCreate
from scm_api.gateway.choices import EXTERNAL_ORGANIZATIONS, external_organizations
from scm_api.gateway.connections import connection_of
from scm_api.web.concurrency import Expected
from scm_api.web.deps import Resources
from scm_api.web.references import unknown_reference
from scm_api.web.replies import created


async def survey(
    app: Resources, caller: Principal, organization_id: UUID, ca_backend_id: UUID
) -> Sequence[ExternalOrganization]:
    """The organizations of the account as they are now; the CA is asked without a transaction.

    Raises Invalid for a CA backend that is not there, Conflict (`not-supported`) for one that
    validates no organizations.
    """
    async with app.database.transaction() as session:
        await repository.require_organization(session, caller, organization_id)
        require_account_wide(caller, "assign external organizations")
        try:
            connection = await connection_of(session, ca_backend_id)
        except NotFound as error:
            raise Invalid([unknown_reference("/ca_backend_id", "CA backend")]) from error
    return await external_organizations(app.database, app.gateway, connection)


async def create(
    session: AsyncSession,
    caller: Principal,
    organization_id: UUID,
    body: ExternalAssignmentCreate,
    known: Sequence[ExternalOrganization],
) -> Response:
    """Assign; raises Conflict where there is an assignment already, or no validation in force."""
    await repository.require_organization(session, caller, organization_id)
    external = _chosen(body.external_organization_id, known)
    there = await session.scalar(
        select(ExternalAssignment.id).where(
            ExternalAssignment.organization_id == organization_id,
            ExternalAssignment.ca_backend_id == body.ca_backend_id,
        )
    )
    if there is not None:
        raise Conflict(
            f"It has an external organization of this CA backend already, by assignment {there}. "
            "Change that one.",
            code="assignment-exists",
        )
    row = ExternalAssignment(
        organization_id=organization_id, ca_backend_id=body.ca_backend_id, **columns_of(external)
    )
    session.add(row)
    await session.flush()
    _record(session, caller, row, "created")
    content = await repository.content(session, organization_id, row.id)
    return created(content, f"/organizations/{organization_id}/external-assignments/{row.id}")


async def update(
    app: Resources,
    caller: Principal,
    organization_id: UUID,
    external_assignment_id: UUID,
    external_organization_id: str,
    expected: Expected,
) -> dict[str, Any]:
    """Assign another organization of the same account; what is under way keeps to the old one and
    is stopped before it is ordered. Raises what `create` raises."""
    async with app.database.transaction() as session:
        await repository.require_organization(session, caller, organization_id)
        stored = await repository.content(session, organization_id, external_assignment_id)
        require_account_wide(caller, "assign external organizations")
        expected.check(stored["version"])
    known = await survey(app, caller, organization_id, stored["ca_backend_id"])
    async with app.database.transaction() as session:
        row = await repository.locked(session, organization_id, external_assignment_id)
        expected.check(row.version)
        external = _chosen(external_organization_id, known)
        for name, value in columns_of(external).items():
            setattr(row, name, value)
        row.checked_at = func.now()
        await session.flush()
        _record(session, caller, row, "changed")
        return await repository.content(session, organization_id, external_assignment_id)


async def delete(
    session: AsyncSession,
    caller: Principal,
    organization_id: UUID,
    external_assignment_id: UUID,
    expected: Expected,
) -> None:
    """Take the assignment away; raises Conflict (`in-use`) while enrollments are under way."""
    await repository.require_organization(session, caller, organization_id)
    row = await repository.locked(session, organization_id, external_assignment_id)
    require_account_wide(caller, "take external organizations away")
    expected.check(row.version)
    uses, count = await repository.waiting_enrollments(session, caller, row)
    if count:
        raise Conflict(
            f"Enrollments are under way for this external organization ({count}). Wait until they "
            "are issued, or cancel them.",
            code="in-use",
            used_by=uses,
        )
    _record(session, caller, row, "deleted")
    await session.delete(row)


def columns_of(external: ExternalOrganization) -> dict[str, Any]:
    """What is kept about an external organization."""
    [content] = EXTERNAL_ORGANIZATIONS.dump_python([external], mode="json")
    return {
        "external_organization_id": external.id,
        "name": external.name,
        "status": external.status,
        "usable": external.usable,
        "validations": content["validations"],
    }


def _chosen(external_id: str, known: Sequence[ExternalOrganization]) -> ExternalOrganization:
    found = next((each for each in known if each.id == external_id), None)
    if found is None:
        detail = f"The CA's account has no organization {external_id}."
        accepted = ", ".join(f"{each.id} ({each.name})" for each in known if each.usable)
        fault = Fault("/external_organization_id", "reference-not-found", detail, accepted or None)
        raise Invalid([fault])
    if not found.usable:
        validations = [(each.type, each.status) for each in found.validations]
        raise Conflict(
            missing_validation(found.name, found.status, validations),
            code="external-organization-not-validated",
        )
    return found


def _record(session: AsyncSession, caller: Principal, row: ExternalAssignment, verb: str) -> None:
    record(
        session,
        caller,
        f"external_assignment.{verb}",
        ("external_assignment", row.id),
        organization_id=row.organization_id,
        details={
            "ca_backend_id": str(row.ca_backend_id),
            "external_organization_id": row.external_organization_id,
            "name": row.name,
        },
    )
