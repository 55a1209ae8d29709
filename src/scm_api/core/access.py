"""Who is asking, and what that means for what they see."""

from dataclasses import dataclass
from uuid import UUID

from scm_api.core.errors import Forbidden
from scm_api.core.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Principal:
    """The admin behind a request and the key it came with.

    `organization_ids` is None for an MRAO (the whole account); otherwise the organizations and
    departments the caller may see, already widened to the departments of each organization.
    """

    admin_id: UUID
    name: str
    role: Role
    api_key_id: UUID | None
    organization_ids: frozenset[UUID] | None


def require_account_wide(principal: Principal, doing: str) -> None:
    """Connectors, backends, profiles and admins belong to the account: only an MRAO edits them.

    Raises Forbidden, naming the role that is missing.
    """
    if principal.role is not Role.MRAO:
        raise Forbidden(f"Only an MRAO may {doing}; you are acting as {principal.role.upper()}.")
