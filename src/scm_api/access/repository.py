"""Rows of admins and API keys."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.core.access import Principal
from scm_api.core.errors import NotFound
from scm_api.core.vocabulary import Role
from scm_api.db.models import Admin, ApiKey
from scm_api.db.statements import AnySelect


def admins(principal: Principal) -> AnySelect:
    """Admins the caller may see: an MRAO sees all, anybody else nobody but themselves."""
    query = select(
        Admin.id,
        Admin.name,
        Admin.email,
        Admin.role,
        Admin.active,
        Admin.created_at,
        Admin.updated_at,
        Admin.version,
    )
    if principal.organization_ids is None:
        return query
    return query.where(Admin.id == principal.admin_id)


def api_keys(principal: Principal) -> AnySelect:
    """Keys the caller may see: an MRAO sees all, anybody else their own."""
    query = select(
        ApiKey.id,
        ApiKey.admin_id,
        ApiKey.name,
        ApiKey.prefix,
        ApiKey.expires_at,
        ApiKey.revoked_at,
        ApiKey.created_at,
        ApiKey.updated_at,
        ApiKey.version,
    )
    if principal.organization_ids is None:
        return query
    return query.where(ApiKey.admin_id == principal.admin_id)


async def admin(session: AsyncSession, principal: Principal, admin_id: UUID) -> Admin:
    """One admin; raises NotFound when there is none the caller may see."""
    found = await session.get(Admin, admin_id)
    if found is None or (principal.organization_ids is not None and admin_id != principal.admin_id):
        raise NotFound("admin")
    return found


async def api_key(session: AsyncSession, principal: Principal, api_key_id: UUID) -> ApiKey:
    """One API key; raises NotFound when there is none the caller may see."""
    found = await session.get(ApiKey, api_key_id)
    if found is None or (
        principal.organization_ids is not None and found.admin_id != principal.admin_id
    ):
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
