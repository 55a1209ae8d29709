"""Rows of admins and API keys."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement

from scm_api.core.access import Principal
from scm_api.core.errors import NotFound
from scm_api.core.vocabulary import Role
from scm_api.db.models import Admin, ApiKey, Organization
from scm_api.db.scope import visible_admins, within
from scm_api.db.statements import AnySelect

# What the contract shows of an admin, of an API key, and of the scope of one.
ADMIN: Final = (
    "id",
    "name",
    "email",
    "role",
    "organization_ids",
    "certificate_types",
    "privileges",
    "active",
    "created_at",
    "updated_at",
    "version",
)
API_KEY: Final = (
    "id",
    "admin_id",
    "name",
    "prefix",
    "expires_at",
    "revoked_at",
    "created_at",
    "updated_at",
    "version",
)
SCOPE: Final = ("role", "organization_ids", "certificate_types", "privileges")


def admins(principal: Principal) -> AnySelect:
    """Admins the caller may see: itself, and those of its level or lower within its scope."""
    query = select(*(getattr(Admin, name) for name in ADMIN))
    return query.where(visible_admins(principal))


def api_keys(principal: Principal) -> AnySelect:
    """Keys of admins the caller may see."""
    query = select(*(getattr(ApiKey, name) for name in (*API_KEY, *SCOPE)))
    return query.where(_of_visible_admins(principal))


def _of_visible_admins(principal: Principal) -> ColumnElement[bool]:
    if principal.organization_ids is None:
        return true()
    return ApiKey.admin_id.in_(select(Admin.id).where(visible_admins(principal)))


async def admin(session: AsyncSession, principal: Principal, admin_id: UUID) -> Admin:
    """One admin; raises NotFound when there is none the caller may see."""
    query = select(Admin).where(Admin.id == admin_id, visible_admins(principal))
    found = await session.scalar(query)
    if found is None:
        raise NotFound("admin")
    return found


async def api_key(session: AsyncSession, principal: Principal, api_key_id: UUID) -> ApiKey:
    """One API key; raises NotFound when there is none the caller may see."""
    query = select(ApiKey).where(ApiKey.id == api_key_id, _of_visible_admins(principal))
    found = await session.scalar(query)
    if found is None:
        raise NotFound("API key")
    return found


async def lock_active_mraos(session: AsyncSession) -> Sequence[UUID]:
    """Every active MRAO, so that two who switch each other off take turns.

    To be called before any of these rows is read otherwise in the transaction.
    """
    locked = await session.scalars(
        select(Admin.id)
        .where(Admin.active, Admin.role == Role.MRAO.value)
        .order_by(Admin.id)
        .with_for_update(key_share=True)
    )
    return locked.all()


async def delete_keys(session: AsyncSession, admin_id: UUID) -> None:
    """Remove every key of an admin."""
    await session.execute(delete(ApiKey).where(ApiKey.admin_id == admin_id))


async def departments_among(
    session: AsyncSession, principal: Principal, wanted: Sequence[UUID]
) -> dict[UUID, bool]:
    """Of each organization the caller may see, whether it is a department."""
    query = select(Organization.id, Organization.parent_id.is_not(None).label("department")).where(
        Organization.id.in_(wanted), within(principal, Organization.id)
    )
    rows = await session.execute(query)
    return {row.id: row.department for row in rows}
