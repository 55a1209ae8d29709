"""`/audit-events`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from scm_api.audit import repository
from scm_api.audit.schemas import AuditEventPage, AuditHeadOut
from scm_api.audit.service import Filters
from scm_api.core.access import require_mrao, require_privilege
from scm_api.core.audit_seals import exported
from scm_api.core.vocabulary import Privilege
from scm_api.db.audit_seals import newest_seal
from scm_api.db.models import AuditEvent
from scm_api.web.auth import Caller
from scm_api.web.deps import Db
from scm_api.web.openapi import problems
from scm_api.web.operations import Operation
from scm_api.web.pagination import Paged
from scm_api.web.replies import reply

_EXPORT = "export the head of the audit"

router = APIRouter(prefix="/audit-events", tags=["Audit"], route_class=Operation)


@router.get(
    "",
    operation_id="list_audit_events",
    summary="List audit events",
    response_model=AuditEventPage,
    responses=problems(403),
)
async def index(
    caller: Caller, database: Db, page: Paged, filters: Annotated[Filters, Depends()]
) -> Response:
    """Newest first. Every change of state has exactly one event; reading makes none.

    Needs the privilege `read_audit`. Events that belong to no organization, such as those of
    connectors and admins, are for an MRAO.
    """
    require_privilege(caller, Privilege.READ_AUDIT, "read audit events")
    query = filters.narrow(repository.audit_events(caller))
    async with database.transaction() as session:
        rows = await page.fetch(session, query, AuditEvent.number)
    return page.reply([dict(row) for row in rows], key="number")


@router.get(
    "/head",
    operation_id="get_audit_head",
    summary="Export the head of the audit",
    response_model=AuditHeadOut,
    responses=problems(403),
)
async def head(caller: Caller, database: Db) -> Response:
    """The newest seal, which stands for every audit event up to its `number`.

    Keep it where who runs the database has no access: `scm-api audit verify --head` then finds
    that events were cut off at the end. Events are sealed within minutes. For MRAOs, also by a key
    that has the privilege `read_audit` alone.
    """
    require_mrao(caller, _EXPORT)
    require_privilege(caller, Privilege.READ_AUDIT, _EXPORT)
    async with database.each_statement() as connection:
        return reply(exported(await newest_seal(connection)))
