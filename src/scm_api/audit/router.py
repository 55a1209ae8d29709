"""`/audit-events`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from scm_api.audit import repository
from scm_api.audit.schemas import AuditEventPage
from scm_api.audit.service import Filters
from scm_api.core.access import require_privilege
from scm_api.core.vocabulary import Privilege
from scm_api.db.models import AuditEvent
from scm_api.web.auth import Caller
from scm_api.web.deps import Db
from scm_api.web.openapi import problems
from scm_api.web.operations import Operation
from scm_api.web.pagination import Paged

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
