"""Who is asking, and what that means for what they see and do.

What one may not see is not there (`NotFound`, or the fault `reference-not-found` in a body); what
one may see but not do is `Forbidden`, naming the role or privilege that is missing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from scm_api.core.errors import Conflict, Forbidden
from scm_api.core.instants import rfc_3339
from scm_api.core.rights import EVERY_PRIVILEGE, EVERY_TYPE, Rights, missing
from scm_api.core.vocabulary import CertificateType, Privilege, Role


@dataclass(frozen=True, slots=True)
class Principal:
    """The admin behind a request and the key it came with.

    `organization_ids` is None for an MRAO (the whole account); otherwise the organizations and
    departments the caller may see, already widened to the departments of each organization.
    Role, types and privileges are what the key leaves of those of its owner. `key_expires_at` is
    when the key ends, if it does. `known_to` are the other admins through whose hands the key
    came, any of whom may have kept its text.
    """

    admin_id: UUID
    name: str
    role: Role
    api_key_id: UUID | None
    organization_ids: frozenset[UUID] | None
    certificate_types: frozenset[CertificateType]
    privileges: frozenset[Privilege]
    key_expires_at: datetime | None
    known_to: frozenset[UUID] = frozenset()

    @property
    def hands(self) -> frozenset[UUID]:
        """Every admin who can have sent this request."""
        return self.known_to | {self.admin_id}

    def knowing_key_of(self, owner_id: UUID) -> frozenset[UUID]:
        """Who else knows a key that this request makes for `owner_id`."""
        return self.hands - {owner_id}


def sees(principal: Principal, organization_id: UUID) -> bool:
    """Whether an organization, and what is its alone, is visible."""
    seen = principal.organization_ids
    return seen is None or organization_id in seen


def require_account_wide(principal: Principal, doing: str) -> None:
    """Connectors, CA backends and organizations belong to the account: only an MRAO edits them,
    and only by a key without limits.

    Raises Forbidden, naming the role that is missing.
    """
    require_mrao(principal, doing)
    if principal.privileges != EVERY_PRIVILEGE or principal.certificate_types != EVERY_TYPE:
        raise Forbidden(f"Only an MRAO without limits may {doing}; your API key has a scope.")


def require_mrao(principal: Principal, doing: str) -> None:
    """Raises Forbidden, naming the role that is missing."""
    if principal.role is not Role.MRAO:
        raise Forbidden(f"Only an MRAO may {doing}; you are acting as {principal.role.upper()}.")


def require_privilege(principal: Principal, privilege: Privilege, doing: str) -> None:
    """Raises Forbidden, naming the privilege, for who has it not."""
    if privilege not in principal.privileges:
        raise Forbidden(f"To {doing} you need the privilege {privilege}.")


def require_certificate_type(
    principal: Principal, certificate_type: CertificateType, doing: str
) -> None:
    """Raises Forbidden, naming the types the caller acts for, for any other."""
    if certificate_type not in principal.certificate_types:
        types = ", ".join(sorted(principal.certificate_types)) or "none"
        raise Forbidden(
            f"To {doing} you must act for certificates of type {certificate_type}; "
            f"you act for: {types}."
        )


def require_delegations_within(
    principal: Principal, delegated_to: Iterable[UUID], doing: str
) -> None:
    """A profile is changed only by who acts in every organization that uses it.

    Raises Forbidden otherwise.
    """
    seen = principal.organization_ids
    if seen is not None and not seen.issuperset(delegated_to):
        raise Forbidden(
            f"Only an MRAO may {doing} that organizations other than yours use as well."
        )


def require_may_handle(principal: Principal, held: Rights, doing: str) -> None:
    """Admins are handled by who has every right they have, and the privilege for it.

    Raises Forbidden, naming what is missing.
    """
    require_privilege(principal, Privilege.CREATE_PEERS, doing)
    require_all_of(principal, held, doing)


def require_all_of(principal: Principal, held: Rights, doing: str) -> None:
    """Nobody acts upon who, or a key that, has more; raises Forbidden, naming what is missing."""
    if lacking := _missing(principal, held):
        raise Forbidden(f"To {doing} you need what it has yourself: {', '.join(lacking)}.")


def require_may_give(principal: Principal, given: Rights) -> None:
    """Nobody gives what they do not have, by whatever key they act.

    Raises Forbidden with the code `privilege-escalation`, naming what is too much.
    """
    if lacking := _missing(principal, given):
        raise _escalation(f"You cannot give what you do not have: {', '.join(lacking)}.")


def require_within_owner(owner: Rights, owner_sees: frozenset[UUID] | None, scope: Rights) -> None:
    """A key is never more than its owner; `owner_sees` is None for the whole account.

    Raises Forbidden with the code `privilege-escalation`, naming what is too much.
    """
    if lacking := missing(scope, owner.role, owner_sees, owner.certificate_types, owner.privileges):
        raise _escalation(f"The key's owner does not have: {', '.join(lacking)}.")


def require_no_longer_life(principal: Principal, expires_at: datetime | None) -> None:
    """A key that ends makes no key that outlives it.

    Raises Forbidden with the code `privilege-escalation`.
    """
    end = principal.key_expires_at
    if end is not None and (expires_at is None or expires_at > end):
        raise _escalation(
            f"Your own API key ends at {rfc_3339(end)}; one made with it cannot live longer."
        )


def require_own_rights_kept(principal: Principal, admin_id: UUID, *, kept: bool) -> None:
    """An RAO or DRAO does not take rights from itself: nobody of its level could undo it.

    Raises Conflict. For an MRAO it is enough that another one stays.
    """
    if admin_id == principal.admin_id and not kept and principal.role is not Role.MRAO:
        raise Conflict(
            "You would take rights from yourself and could not give them back. "
            "Have another admin do it.",
            code="own-rights",
        )


def _missing(principal: Principal, wanted: Rights) -> list[str]:
    return missing(
        wanted,
        principal.role,
        principal.organization_ids,
        principal.certificate_types,
        principal.privileges,
    )


def _escalation(detail: str) -> Forbidden:
    return Forbidden(detail, code="privilege-escalation")
