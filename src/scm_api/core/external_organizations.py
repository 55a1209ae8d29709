"""Organizations as a CA knows them: whether an order may be placed for one."""

from collections.abc import Sequence

from scm_api.core.errors import Fault


def missing_validation(name: str, status: str, validations: Sequence[tuple[str, str]]) -> str:
    """Why the CA issues nothing for an organization, and where that is mended.

    `validations` are type and status of each.
    """
    if status != "active":
        return f"{name} is {status} at the CA. Have it activated in the CA's portal."
    if not validations:
        return f"{name} has no validation at the CA. Submit it for one in the CA's portal."
    found = ", ".join(f"{kind} is {state}" for kind, state in validations)
    return (
        f"{name} has no validation in force at the CA: {found}. "
        "Complete or renew it in the CA's portal."
    )


def judge_assignment(
    *,
    needed: bool,
    assigned: str | None,
    usable: bool,
    in_force: frozenset[str] = frozenset(),
    wanted: frozenset[str] = frozenset(),
    ordered_for: str | None = None,
) -> list[Fault]:
    """Whether an organization may enroll through a CA that validates organizations.

    `assigned` is the id of the external organization, `ordered_for` that which an enrollment was
    accepted for, None before it is accepted. `in_force` are the types of its validations that are,
    of which `wanted` has one, unless any will do. Codes: `external-assignment-missing`,
    `external-organization-not-validated`, `external-assignment-changed`.
    """
    if not needed:
        return []
    pointer = "/organization_id"
    if assigned is None:
        detail = (
            "The CA issues for organizations that it validated, and none is assigned to this one."
        )
        accepted = "an organization with an external assignment for the profile's CA backend"
        return [Fault(pointer, "external-assignment-missing", detail, accepted)]
    if ordered_for not in (None, assigned):
        detail = "Another external organization was assigned meanwhile."
        return [Fault(pointer, "external-assignment-changed", detail)]
    if not usable:
        detail = "The external organization that is assigned has no validation in force at the CA."
        return [Fault(pointer, "external-organization-not-validated", detail)]
    if wanted and not wanted & in_force:
        kinds = " or ".join(sorted(wanted))
        detail = f"The product takes a validation of type {kinds}; the organization has none."
        accepted = "an external organization with that validation in force at the CA"
        return [Fault(pointer, "external-organization-not-validated", detail, accepted)]
    return []
