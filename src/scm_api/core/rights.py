"""What an admin was given, what a key leaves of it, and who may hand out how much."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from scm_api.core.errors import Fault
from scm_api.core.vocabulary import CertificateType, Privilege, Role

EVERY_TYPE = frozenset(CertificateType)
EVERY_PRIVILEGE = frozenset(Privilege)

# From the least to the most.
LEVELS = (Role.DRAO, Role.RAO, Role.MRAO)


@dataclass(frozen=True, slots=True)
class Rights:
    """A role and its limits, as given to an admin or as the scope of an API key.

    `organization_ids` are organizations for an RAO, who also acts in their departments, and
    departments for a DRAO; an MRAO acts in the whole account and has none.
    """

    role: Role
    organization_ids: frozenset[UUID]
    certificate_types: frozenset[CertificateType]
    privileges: frozenset[Privilege]


UNLIMITED = Rights(Role.MRAO, frozenset(), EVERY_TYPE, EVERY_PRIVILEGE)


def levels_up_to(role: Role) -> tuple[Role, ...]:
    """The role and all below it."""
    return LEVELS[: LEVELS.index(role) + 1]


def narrowed(
    owner: Rights, scope: Rights | None
) -> tuple[Role, frozenset[CertificateType], frozenset[Privilege]]:
    """What a key with this scope may do: never more than its owner, whatever became of the owner.

    Without a scope that is all the owner may. Organizations are narrowed where it is known which
    departments they have: in the database.
    """
    scope = scope or owner
    return (
        LEVELS[min(LEVELS.index(owner.role), LEVELS.index(scope.role))],
        owner.certificate_types & scope.certificate_types,
        owner.privileges & scope.privileges,
    )


def missing(
    wanted: Rights,
    role: Role,
    organization_ids: Collection[UUID] | None,
    certificate_types: Collection[CertificateType],
    privileges: Collection[Privilege],
) -> list[str]:
    """What of the wanted rights the holder of the others lacks, in words; empty if nothing.

    `organization_ids` are those the holder acts in, departments included; None is the account.
    """
    lacking = []
    if wanted.role not in levels_up_to(role):
        lacking.append(f"the role {wanted.role.upper()}")
    if organization_ids is not None and not wanted.organization_ids <= set(organization_ids):
        lacking.append("an organization or department")
    types = [each for each in CertificateType if each in wanted.certificate_types]
    lacking += [f"the certificate type {each}" for each in types if each not in certificate_types]
    asked = [each for each in Privilege if each in wanted.privileges]
    lacking += [f"the privilege {each}" for each in asked if each not in privileges]
    return lacking


def limit_faults(rights: Rights, departments: Sequence[bool], at: str = "") -> Iterator[Fault]:
    """Whether the limits fit the role.

    `departments` says of each organization given, in the order it was given in, whether it is a
    department; `at` is the JSON pointer of what holds role and limits.
    """
    if rights.role is Role.MRAO:
        if departments:
            yield limit_of_mrao(f"{at}/organization_ids")
        return
    who, wanted = _GIVEN[rights.role]
    for field, limit, what in (
        ("organization_ids", rights.organization_ids, wanted),
        ("certificate_types", rights.certificate_types, "certificate types"),
    ):
        if not limit:
            detail = f"{who} acts for given {what}."
            yield Fault(f"{at}/{field}", "field-required", detail, "at least one")
    for index, department in enumerate(departments):
        if department is not (rights.role is Role.DRAO):
            what = "a department" if department else "an organization"
            detail = f"This is {what}; {who} acts for given {wanted}."
            pointer = f"{at}/organization_ids/{index}"
            yield Fault(pointer, "limit-not-for-role", detail, f"{wanted} only")


def limit_of_mrao(pointer: str) -> Fault:
    """The fault of a limit given to an admin who has none."""
    detail = "An MRAO acts for the whole account and has no limits."
    return Fault(pointer, "limit-not-for-role", detail, "nothing, or another role")


_GIVEN = {Role.RAO: ("An RAO", "organizations"), Role.DRAO: ("A DRAO", "departments")}
