"""What may be done to admins and API keys, and what is checked before."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Response
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.access import repository
from scm_api.access.schemas import AdminCreate, AdminUpdate, ApiKeyCreate
from scm_api.core.access import Principal, require_account_wide
from scm_api.core.errors import Conflict, Fault, Invalid, NotFound
from scm_api.core.names import Name, normalise
from scm_api.core.vocabulary import NameKind
from scm_api.db.audit import record
from scm_api.db.changes import changed_fields
from scm_api.db.models import Admin, ApiKey, Enrollment
from scm_api.db.uses import enrollments_using
from scm_api.web.auth import new_key
from scm_api.web.concurrency import Expected
from scm_api.web.references import unknown_reference
from scm_api.web.replies import created


def admin_content(admin: Admin) -> dict[str, Any]:
    """An admin as the contract shows them."""
    return {
        "id": admin.id,
        "name": admin.name,
        "email": admin.email,
        "role": admin.role,
        "active": admin.active,
        "created_at": admin.created_at,
        "updated_at": admin.updated_at,
        "version": admin.version,
    }


def api_key_content(key: ApiKey) -> dict[str, Any]:
    """An API key as the contract shows it: without its text, which is not kept."""
    return {
        "id": key.id,
        "admin_id": key.admin_id,
        "name": key.name,
        "prefix": key.prefix,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "created_at": key.created_at,
        "updated_at": key.updated_at,
        "version": key.version,
    }


def email_of(given: str) -> str:
    """The address in the spelling it is kept in; raises Invalid for what is none."""
    email = normalise(Name(NameKind.EMAIL, given), "/email")
    if isinstance(email, Fault):
        raise Invalid([email])
    return email.value


async def create_admin(session: AsyncSession, caller: Principal, body: AdminCreate) -> Response:
    """Make an admin, who can do nothing before having a key."""
    require_account_wide(caller, "create admins")
    admin = Admin(name=body.name, email=email_of(body.email), role=body.role, active=body.active)
    session.add(admin)
    await session.flush()
    record(session, caller, "admin.created", ("admin", admin.id))
    return created(admin_content(admin), f"/admins/{admin.id}")


async def update_admin(
    session: AsyncSession,
    caller: Principal,
    admin_id: UUID,
    body: AdminUpdate,
    expected: Expected,
) -> dict[str, Any]:
    """Change an admin; the last active MRAO stays active."""
    require_account_wide(caller, "change admins")
    if body.active is False:
        await _require_another_mrao(session, admin_id)
    admin = await repository.admin(session, caller, admin_id)
    expected.check(admin.version)
    if body.name is not None:
        admin.name = body.name
    if body.email is not None:
        admin.email = email_of(body.email)
    if body.active is not None:
        admin.active = body.active
    if changed := changed_fields(admin):
        await session.flush()
        subject = ("admin", admin.id)
        record(session, caller, "admin.updated", subject, details={"changed": changed})
    return admin_content(admin)


async def delete_admin(
    session: AsyncSession, caller: Principal, admin_id: UUID, expected: Expected
) -> None:
    """Delete an admin who never asked for anything, with all keys."""
    require_account_wide(caller, "delete admins")
    await _require_another_mrao(session, admin_id)
    admin = await repository.admin(session, caller, admin_id)
    expected.check(admin.version)
    uses, count = await enrollments_using(session, Enrollment.requester_id == admin_id)
    if uses:
        raise Conflict(
            f"The admin is the requester of enrollments ({count}), which are kept. "
            "Set active to false instead.",
            code="in-use",
            used_by=uses,
        )
    await repository.delete_keys(session, admin_id)
    await session.delete(admin)
    details = {"name": admin.name, "email": admin.email}
    record(session, caller, "admin.deleted", ("admin", admin_id), details=details)


async def create_api_key(session: AsyncSession, caller: Principal, body: ApiKeyCreate) -> Response:
    """Make a key; its text is in this answer and nowhere else."""
    require_account_wide(caller, "create API keys")
    try:
        admin = await repository.admin(session, caller, body.admin_id)
    except NotFound as error:
        raise Invalid([unknown_reference("/admin_id", "admin")]) from error
    await _require_future(session, body.expires_at)
    text, prefix, digest = new_key()
    key = ApiKey(
        admin_id=admin.id,
        name=body.name,
        prefix=prefix,
        digest=digest,
        expires_at=body.expires_at,
    )
    session.add(key)
    await session.flush()
    details = {"admin_id": str(admin.id)}
    record(session, caller, "api_key.created", ("api_key", key.id), details=details)
    return created(api_key_content(key) | {"key": text}, f"/api-keys/{key.id}")


async def revoke_api_key(
    session: AsyncSession, caller: Principal, api_key_id: UUID, expected: Expected
) -> None:
    """Refuse a key from now on. The row stays; revoking again changes nothing."""
    key = await repository.api_key(session, caller, api_key_id)
    require_account_wide(caller, "revoke API keys")
    expected.check(key.version)
    if key.revoked_at is None:
        key.revoked_at = await session.scalar(select(func.now()))
        details = {"admin_id": str(key.admin_id)}
        record(session, caller, "api_key.revoked", ("api_key", key.id), details=details)


async def _require_another_mrao(session: AsyncSession, admin_id: UUID) -> None:
    """Raises Conflict when nobody else could administer the account."""
    if list(await repository.lock_active_mraos(session)) == [admin_id]:
        raise Conflict(
            "This is the last active MRAO; nobody could administer the account any more.",
            code="last-mrao",
        )


async def _require_future(session: AsyncSession, expires_at: datetime | None) -> None:
    if expires_at is None:
        return
    now = await session.scalar(select(func.now()))
    if now is not None and expires_at <= now:
        fault = Fault(
            "/expires_at", "time-passed", "The key would have expired already.", "a later time"
        )
        raise Invalid([fault])
