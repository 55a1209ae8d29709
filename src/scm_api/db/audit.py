"""Audit events are written in the transaction that makes the change they tell about."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal
from scm_api.correlation import request_id
from scm_api.db.base import Base
from scm_api.db.models import AuditEvent
from scm_api.db.rows import NewRow

_EVENTS: Final = Base.metadata.tables[AuditEvent.__tablename__]


def record(
    session: AsyncSession,
    principal: Principal | None,
    action: str,
    subject: tuple[str, UUID],
    *,
    organization_id: UUID | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Add one event. `action` reads `noun.verb` (`certificate_profile.created`).

    `subject` is kind and id; `principal` is None for what the service does by itself. `details`
    must hold no secret: events are shown and exported.
    """
    session.add(AuditEvent(**_event(principal, action, subject, organization_id, details)))


def event_row(
    principal: Principal | None,
    action: str,
    subject: tuple[str, UUID],
    *,
    organization_id: UUID | None,
    details: dict[str, Any],
) -> NewRow:
    """What `record` adds, for a statement that inserts it together with the change."""
    return NewRow(_EVENTS, _event(principal, action, subject, organization_id, details))


def _event(
    principal: Principal | None,
    action: str,
    subject: tuple[str, UUID],
    organization_id: UUID | None,
    details: dict[str, Any] | None,
) -> dict[str, Any]:
    return {
        "action": action,
        "subject_kind": subject[0],
        "subject_id": subject[1],
        "organization_id": organization_id,
        "principal_id": principal.admin_id if principal else None,
        "principal_name": principal.name if principal else None,
        "api_key_id": principal.api_key_id if principal else None,
        "request_id": request_id.get(),
        "details": details or {},
    }
