"""What CAs say about assigned organizations, read again so that no validation ends unseen."""

import asyncio
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Interval, bindparam, func, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from scm_api.core.errors import NotFound
from scm_api.db.audit import record
from scm_api.db.models import ExternalAssignment
from scm_api.db.session import Database
from scm_api.db.statements import Statement
from scm_api.drivers.base import ExternalOrganization
from scm_api.drivers.errors import DriverError
from scm_api.gateway.choices import EXTERNAL_ORGANIZATIONS, external_organizations
from scm_api.gateway.connections import Gateway, connection_of
from scm_api.logger import get_logger

CHECK_EVERY: Final = timedelta(hours=1)
_log = get_logger(__name__)


def _taking_stale() -> ReturningUpdate[tuple[UUID]]:
    """Assignments nobody looked at lately; whoever takes them is going to."""
    older_than = bindparam("older_than", type_=Interval)
    due = (
        select(ExternalAssignment.id)
        .where(ExternalAssignment.checked_at < func.now() - older_than)
        .with_for_update(skip_locked=True)
    )
    return (
        update(ExternalAssignment)
        .where(ExternalAssignment.id.in_(due))
        .values(checked_at=func.now())
        .returning(ExternalAssignment.ca_backend_id)
    )


_STALE: Final = Statement(_taking_stale())


async def refresh_assignments(
    database: Database, gateway: Gateway, older_than: timedelta = CHECK_EVERY
) -> int:
    """Read the organizations of each CA backend with assignments that nobody looked at lately.

    One worker takes each backend; a CA that is away is asked again next time. Returns how many
    backends were read.
    """
    async with database.each_statement() as connection:
        taken = await _STALE.fetch(connection, {"older_than": older_than})
    backend_ids = {row["ca_backend_id"] for row in taken}
    read = await asyncio.gather(*(_refresh(database, gateway, each) for each in backend_ids))
    return sum(read)


async def _refresh(database: Database, gateway: Gateway, ca_backend_id: UUID) -> bool:
    try:
        async with database.transaction() as session:
            connection = await connection_of(session, ca_backend_id)
        found = await external_organizations(database, gateway, connection)
    except (DriverError, NotFound) as error:
        _log.warning("organizations not read", ca_backend_id=str(ca_backend_id), why=str(error))
        return False
    known = {each.id: each for each in found}
    async with database.transaction() as session:
        rows = await session.scalars(
            select(ExternalAssignment)
            .where(ExternalAssignment.ca_backend_id == ca_backend_id)
            .order_by(ExternalAssignment.id)
            .with_for_update()
        )
        for row in rows:
            before = row.usable
            _note(row, known.get(row.external_organization_id))
            if row.usable != before:
                record(
                    session,
                    None,
                    "external_assignment.validated" if row.usable else "external_assignment.lapsed",
                    ("external_assignment", row.id),
                    organization_id=row.organization_id,
                    details={"name": row.name, "validations": row.validations},
                )
    return True


def _note(row: ExternalAssignment, found: ExternalOrganization | None) -> None:
    """One that is gone from the account is kept with what it was, and is not usable."""
    if found is None:
        row.status, row.usable = "gone", False
        return
    [content] = EXTERNAL_ORGANIZATIONS.dump_python([found], mode="json")
    row.name, row.status, row.usable = found.name, found.status, found.usable
    row.validations = content["validations"]
