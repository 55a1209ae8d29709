"""Rows of audit events; they are only ever read here."""

from sqlalchemy import select

from scm_api.core.access import Principal
from scm_api.db.models import AuditEvent
from scm_api.db.statements import AnySelect


def audit_events(principal: Principal) -> AnySelect:
    """Events the caller may see: all for an MRAO, else those of seen organizations."""
    query = select(
        AuditEvent.number,
        AuditEvent.at,
        AuditEvent.action,
        AuditEvent.subject_kind,
        AuditEvent.subject_id,
        AuditEvent.organization_id,
        AuditEvent.principal_id,
        AuditEvent.principal_name,
        AuditEvent.api_key_id,
        AuditEvent.request_id,
        AuditEvent.details,
    )
    seen = principal.organization_ids
    return query if seen is None else query.where(AuditEvent.organization_id.in_(seen))
