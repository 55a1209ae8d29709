"""What may be done to the account's settings."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.account_settings import repository
from scm_api.account_settings.schemas import AccountSettingsUpdate
from scm_api.core.access import Principal, require_account_wide
from scm_api.db.audit import record
from scm_api.db.changes import changed_fields
from scm_api.web.concurrency import Expected

# There is one account in a database: its audit events need a subject, but no id tells it apart.
_ACCOUNT: Final = ("account", UUID(int=0))


async def read(session: AsyncSession, caller: Principal) -> dict[str, Any]:
    """The settings; only an MRAO sees them."""
    require_account_wide(caller, "see the account's settings")
    return repository.content(await repository.account_settings(session))


async def update(
    session: AsyncSession, caller: Principal, body: AccountSettingsUpdate, expected: Expected
) -> dict[str, Any]:
    """Change the settings; the audit event holds what they are from now on."""
    require_account_wide(caller, "change the account's settings")
    row = await repository.account_settings(session)
    expected.check(row.version)
    for name, value in body.model_dump(exclude_none=True).items():
        setattr(row, name, value)
    if changed := changed_fields(row):
        details = {name: getattr(row, name) for name in changed}
        record(session, caller, "account_settings.updated", _ACCOUNT, details=details)
        await session.flush()
    return repository.content(row)
