"""Which audit events somebody wants to see."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Query

from scm_api.audit.schemas import AuditAction, AuditSubject
from scm_api.db.models import AuditEvent
from scm_api.db.statements import AnySelect
from scm_api.web.schemas import Instant


@dataclass(frozen=True, slots=True)
class Filters:
    """Query parameters; those left out do not narrow."""

    action: Annotated[AuditAction | None, Query(description="What was done.")] = None
    subject_kind: Annotated[AuditSubject | None, Query(description="What it was done to.")] = None
    subject_id: Annotated[UUID | None, Query(description="About this thing.")] = None
    organization_id: Annotated[UUID | None, Query(description="In this organization.")] = None
    principal_id: Annotated[UUID | None, Query(description="Done by this admin.")] = None
    since: Annotated[Instant | None, Query(description="At this time or later.")] = None
    until: Annotated[Instant | None, Query(description="Before this time.")] = None

    def narrow(self, query: AnySelect) -> AnySelect:
        """`query` with the conditions that were given."""
        for column, value in (
            (AuditEvent.action, self.action),
            (AuditEvent.subject_kind, self.subject_kind),
            (AuditEvent.subject_id, self.subject_id),
            (AuditEvent.organization_id, self.organization_id),
            (AuditEvent.principal_id, self.principal_id),
        ):
            if value is not None:
                query = query.where(column == value)
        if self.since is not None:
            query = query.where(AuditEvent.at >= self.since)
        if self.until is not None:
            query = query.where(AuditEvent.at < self.until)
        return query
