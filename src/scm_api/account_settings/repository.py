"""The one row of settings."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.db.models import AccountSettings
from scm_api.db.models.account import ONLY_ROW


async def account_settings(session: AsyncSession) -> AccountSettings:
    """The settings to work on."""
    return await session.get_one(AccountSettings, ONLY_ROW)


def content(row: AccountSettings) -> dict[str, Any]:
    """The settings as the contract shows them."""
    return {
        "mrao_may_approve_own_requests": row.mrao_may_approve_own_requests,
        "refuse_keys_in_use": row.refuse_keys_in_use,
        "updated_at": row.updated_at,
        "version": row.version,
    }
