"""Whether rights can be given as asked: by this caller, for that role, in which organizations."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from scm_api.access import repository
from scm_api.access.schemas import AdminCreate, AdminUpdate, Scope
from scm_api.core.access import Principal, require_may_give, require_within_owner
from scm_api.core.errors import Invalid
from scm_api.core.rights import UNLIMITED, Rights, limit_faults, limit_of_mrao, narrowed
from scm_api.core.vocabulary import Role
from scm_api.db.models import Admin, ApiKey
from scm_api.db.rights import organizations_of, rights_of, scope_of
from scm_api.web.references import unknown_reference

_LIMITS = ("organization_ids", "certificate_types", "privileges")
_NOTHING: dict[str, Any] = dict.fromkeys(_LIMITS, ())


async def rights_asked(session: AsyncSession, caller: Principal, body: AdminCreate) -> Rights:
    """The rights of a new admin; raises Forbidden for what is too much, Invalid for nonsense."""
    return await _admin_rights(session, caller, body, body.role, _NOTHING)


async def rights_changed(
    session: AsyncSession, caller: Principal, held: Rights, body: AdminUpdate
) -> Rights:
    """The rights of an admin after a change; those held, if it changes none. Raises the same."""
    if body.role is None and all(getattr(body, limit) is None for limit in _LIMITS):
        return held
    stored = _NOTHING if held.role is Role.MRAO else {n: getattr(held, n) for n in _LIMITS}
    return await _admin_rights(session, caller, body, body.role or held.role, stored)


async def scope_asked(
    session: AsyncSession, caller: Principal, owner: Admin, scope: Scope | None
) -> Rights | None:
    """The scope of a new key; raises Forbidden for more than owner or caller have.

    A key without one grows with its owner. Whoever knows its text would have what they were never
    given, so others than its owner, and keys that do not grow themselves, make one with a scope.
    """
    held = rights_of(owner)
    if scope is None:
        require_may_give(caller, held)
        return None if await _may_grow(session, caller, owner) else held
    limits = {name: getattr(scope, name) for name in _LIMITS}
    rights = await _limited(session, caller, scope.role, limits, "/scope")
    require_within_owner(held, await organizations_of(session, held), rights)
    return rights


async def _may_grow(session: AsyncSession, caller: Principal, owner: Admin) -> bool:
    held = Rights(caller.role, frozenset(), caller.certificate_types, caller.privileges)
    if held == UNLIMITED:  # there is nothing to grow to
        return True
    key = None if caller.api_key_id is None else await session.get(ApiKey, caller.api_key_id)
    return owner.id == caller.admin_id and key is not None and scope_of(key) is None


async def effective_rights(session: AsyncSession, owner: Rights, scope: Rights | None) -> Rights:
    """What a key with this scope still may, as its owner is now."""
    if scope is None:
        return owner
    seen = await organizations_of(session, owner)
    organizations = scope.organization_ids if seen is None else scope.organization_ids & seen
    role, types, privileges = narrowed(owner, scope)
    return Rights(role, organizations, types, privileges)


async def _admin_rights(
    session: AsyncSession,
    caller: Principal,
    body: AdminCreate | AdminUpdate,
    role: Role,
    stored: dict[str, Any],
) -> Rights:
    given = {name: getattr(body, name) for name in _LIMITS}
    if role is Role.MRAO:
        require_may_give(caller, UNLIMITED)
        if faults := [limit_of_mrao(f"/{name}") for name, limit in given.items() if limit]:
            raise Invalid(faults)
        return UNLIMITED
    merged = {n: stored[n] if given[n] is None else given[n] for n in _LIMITS}
    return await _limited(session, caller, role, merged, "")


async def _limited(
    session: AsyncSession, caller: Principal, role: Role, limits: dict[str, Any], at: str
) -> Rights:
    """What the caller lacks is said before any organization is looked up."""
    wanted: Sequence[UUID] = list(limits["organization_ids"])
    rights = Rights(
        role,
        frozenset(wanted),
        frozenset(limits["certificate_types"]),
        frozenset(limits["privileges"]),
    )
    elsewhere = Rights(role, frozenset(), rights.certificate_types, rights.privileges)
    require_may_give(caller, elsewhere)
    found = await repository.departments_among(session, caller, wanted)
    unknown = [
        unknown_reference(f"{at}/organization_ids/{index}", "organization")
        for index, each in enumerate(wanted)
        if each not in found
    ]
    faults = unknown or list(limit_faults(rights, [found[each] for each in wanted], at))
    if faults:
        raise Invalid(faults)
    return rights
