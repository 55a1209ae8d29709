"""Audit events are written in the transaction that makes the change they tell about."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, insert
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal
from scm_api.core.correlation import request_id
from scm_api.db.base import Base
from scm_api.db.models import AuditEvent

_EVENTS: Final = Base.metadata.tables[AuditEvent.__tablename__]
_FILLED: Final = [
    column.name for column in _EVENTS.c if not (column.server_default or column.identity)
]
_PREFIX = "event_"

ADDED_EVENT: Final = (
    insert(_EVENTS).values({name: bindparam(_PREFIX + name) for name in _FILLED}).cte("event")
)
"""An event that another statement writes along with its own change (`add_cte`), at the cost of
one statement for both. Its parameters are those of `parameters`."""


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


def parameters(
    principal: Principal | None,
    action: str,
    subject: tuple[str, UUID],
    *,
    organization_id: UUID | None = None,
    details: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What a statement with `ADDED_EVENT` takes for it; arguments are those of `record`."""
    columns = _event(principal, action, subject, organization_id, details)
    return {_PREFIX + name: value for name, value in columns.items()}


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
