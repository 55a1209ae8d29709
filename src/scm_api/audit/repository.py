"""Rows of audit events; they are only ever read here."""

from sqlalchemy import and_, or_, select, true
from sqlalchemy.sql import ColumnElement

from scm_api.core.access import Principal
from scm_api.core.rights import EVERY_TYPE
from scm_api.db.models import AuditEvent, Certificate, Enrollment
from scm_api.db.scope import of_types, within
from scm_api.db.statements import AnySelect


def audit_events(principal: Principal) -> AnySelect:
    """Events the caller may see: all for an MRAO, else those of its organizations and types."""
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
    return query.where(within(principal, AuditEvent.organization_id), _of_types(principal))


def _of_types(principal: Principal) -> ColumnElement[bool]:
    """Events about an enrollment or certificate are of its certificate type."""
    if principal.certificate_types >= EVERY_TYPE:
        return true()
    return and_(
        *(
            or_(
                AuditEvent.subject_kind != kind,
                AuditEvent.subject_id.in_(
                    select(table.id).where(
                        of_types(principal.certificate_types, table.certificate_type)
                    )
                ),
            )
            for kind, table in (("enrollment", Enrollment), ("certificate", Certificate))
        )
    )
