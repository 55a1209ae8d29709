"""What may be done to admins and API keys, and what is checked before."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Response
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.access import repository
from scm_api.access.judging import effective_rights, rights_asked, rights_changed, scope_asked
from scm_api.access.schemas import AdminCreate, AdminUpdate, ApiKeyCreate
from scm_api.core.access import (
    Principal,
    require_all_of,
    require_may_handle,
    require_no_longer_life,
    require_own_rights_kept,
    require_privilege,
)
from scm_api.core.errors import Conflict, Fault, Invalid, NotFound
from scm_api.core.names import Name, ascii_lower, normalise
from scm_api.core.rights import UNLIMITED, Rights
from scm_api.core.vocabulary import NameKind, Privilege, Role
from scm_api.db.audit import record
from scm_api.db.changes import changed_fields
from scm_api.db.models import Admin, ApiKey, Enrollment
from scm_api.db.rights import columns_of, rights_of, scope_of
from scm_api.db.uses import enrollments_using
from scm_api.web.auth import new_key
from scm_api.web.concurrency import Expected
from scm_api.web.references import unknown_reference
from scm_api.web.replies import created


def admin_content(admin: Admin) -> dict[str, Any]:
    """An admin as the contract shows them."""
    return shown_admin({name: getattr(admin, name) for name in repository.ADMIN})


def shown_admin(row: Mapping[str, Any]) -> dict[str, Any]:
    """An admin's row as the contract shows it: an MRAO with every right."""
    return dict(row) | (columns_of(UNLIMITED) if row["role"] == Role.MRAO else {})


def api_key_content(key: ApiKey) -> dict[str, Any]:
    """An API key as the contract shows it: without its text, which is not kept."""
    return shown_api_key(
        {name: getattr(key, name) for name in (*repository.API_KEY, *repository.SCOPE)}
    )


def shown_api_key(row: Mapping[str, Any]) -> dict[str, Any]:
    """A key's row as the contract shows it."""
    scope = {name: row[name] for name in repository.SCOPE} if row["role"] else None
    return {name: row[name] for name in repository.API_KEY} | {"scope": scope}


def email_of(given: str) -> str:
    """The address as it is kept, in lower case: two admins whose addresses differ in nothing else
    are one by mistake. Raises Invalid for what is no address."""
    email = normalise(Name(NameKind.EMAIL, given), "/email")
    if isinstance(email, Fault):
        raise Invalid([email])
    return ascii_lower(email.value)


async def create_admin(session: AsyncSession, caller: Principal, body: AdminCreate) -> Response:
    """Make an admin, who can do nothing before having a key."""
    require_privilege(caller, Privilege.CREATE_PEERS, "create admins")
    rights = await rights_asked(session, caller, body)
    email = email_of(body.email)
    admin = Admin(name=body.name, email=email, active=body.active, **columns_of(rights))
    session.add(admin)
    await session.flush()
    details = {"rights": _audited(rights)}
    record(session, caller, "admin.created", ("admin", admin.id), details=details)
    return created(admin_content(admin), f"/admins/{admin.id}")


async def update_admin(
    session: AsyncSession,
    caller: Principal,
    admin_id: UUID,
    body: AdminUpdate,
    expected: Expected,
) -> dict[str, Any]:
    """Change an admin; the last active MRAO stays one and active."""
    if body.active is False or body.role not in (None, Role.MRAO):
        await _require_another_mrao(session, caller, admin_id)
    admin = await repository.admin(session, caller, admin_id)
    held = rights_of(admin)
    require_may_handle(caller, held, "change admins")
    expected.check(admin.version)
    rights = await rights_changed(session, caller, held, body)
    kept = rights == held and body.active is not False
    require_own_rights_kept(caller, admin_id, kept=kept)
    if rights != held:
        for column, value in columns_of(rights).items():
            setattr(admin, column, value)
    if body.name is not None:
        admin.name = body.name
    if body.email is not None:
        admin.email = email_of(body.email)
    if body.active is not None:
        admin.active = body.active
    if changed := changed_fields(admin):
        await session.flush()
        details = {"changed": changed} | ({} if rights == held else {"rights": _audited(rights)})
        record(session, caller, "admin.updated", ("admin", admin.id), details=details)
    return admin_content(admin)


async def delete_admin(
    session: AsyncSession, caller: Principal, admin_id: UUID, expected: Expected
) -> None:
    """Delete an admin who never asked for anything, with all keys."""
    await _require_another_mrao(session, caller, admin_id)
    admin = await repository.admin(session, caller, admin_id)
    require_may_handle(caller, rights_of(admin), "delete admins")
    require_own_rights_kept(caller, admin_id, kept=False)
    expected.check(admin.version)
    asked_by_them = Enrollment.requester_id == admin_id
    uses, count = await enrollments_using(session, caller, asked_by_them)
    if count:
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
    try:
        admin = await repository.admin(session, caller, body.admin_id)
    except NotFound as error:
        raise Invalid([unknown_reference("/admin_id", "admin")]) from error
    if admin.id != caller.admin_id:
        require_may_handle(caller, rights_of(admin), "create API keys for other admins")
    scope = await scope_asked(session, caller, admin, body.scope)
    require_no_longer_life(caller, body.expires_at)
    await _require_future(session, body.expires_at)
    text, prefix, digest = new_key()
    key = ApiKey(
        admin_id=admin.id,
        name=body.name,
        prefix=prefix,
        digest=digest,
        known_to=sorted(caller.knowing_key_of(admin.id)),
        expires_at=body.expires_at,
        **(columns_of(scope) if scope else {}),
    )
    session.add(key)
    await session.flush()
    details = {"admin_id": str(admin.id)} | ({"scope": _audited(scope)} if scope else {})
    record(session, caller, "api_key.created", ("api_key", key.id), details=details)
    return created(api_key_content(key) | {"key": text}, f"/api-keys/{key.id}")


async def revoke_api_key(
    session: AsyncSession, caller: Principal, api_key_id: UUID, expected: Expected
) -> None:
    """Refuse a key from now on. The row stays; revoking again changes nothing."""
    key = await repository.api_key(session, caller, api_key_id)
    owner = rights_of(await repository.admin(session, caller, key.admin_id))
    if key.admin_id == caller.admin_id:
        held = await effective_rights(session, owner, scope_of(key))
        require_all_of(caller, held, "revoke this API key")
    else:
        require_may_handle(caller, owner, "revoke API keys of other admins")
    expected.check(key.version)
    if key.revoked_at is None:
        key.revoked_at = await session.scalar(select(func.now()))
        details = {"admin_id": str(key.admin_id)}
        record(session, caller, "api_key.revoked", ("api_key", key.id), details=details)


def _audited(rights: Rights) -> dict[str, Any]:
    columns = columns_of(rights)
    return columns | {"organization_ids": [str(each) for each in columns["organization_ids"]]}


async def _require_another_mrao(session: AsyncSession, caller: Principal, admin_id: UUID) -> None:
    """Raises Conflict when nobody else could administer the account.

    Others than an MRAO do not handle MRAOs, and do not learn which of them there are.
    """
    if caller.role is Role.MRAO and list(await repository.lock_active_mraos(session)) == [admin_id]:
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
