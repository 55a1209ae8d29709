"""Whether an order may be placed for an organization that the CA has to know."""

import pytest

from scm_api.core.external_organizations import judge_assignment, missing_validation


def test_where_the_ca_validates_no_organizations_none_is_asked_for() -> None:
    assert judge_assignment(needed=False, assigned=None, usable=False) == []


@pytest.mark.parametrize("ordered_for", [None, "7"])
def test_what_is_assigned_and_validated_may_be_ordered_for(ordered_for: str | None) -> None:
    assert judge_assignment(needed=True, assigned="7", usable=True, ordered_for=ordered_for) == []


@pytest.mark.parametrize(
    ("assigned", "usable", "ordered_for", "code"),
    [
        (None, False, None, "external-assignment-missing"),
        (None, False, "7", "external-assignment-missing"),
        ("7", False, None, "external-organization-not-validated"),
        ("8", True, "7", "external-assignment-changed"),
    ],
)
def test_every_other_case_says_why(
    assigned: str | None, usable: bool, ordered_for: str | None, code: str
) -> None:
    [fault] = judge_assignment(
        needed=True, assigned=assigned, usable=usable, ordered_for=ordered_for
    )
    assert (fault.pointer, fault.code) == ("/organization_id", code)


@pytest.mark.parametrize(
    ("in_force", "wanted", "is_enough"),
    [
        ({"ov"}, {"ov", "ev"}, True),
        ({"ev"}, {"ov", "ev"}, True),
        ({"ov"}, {"ev"}, False),
        ({"cs"}, set(), True),
    ],
)
def test_a_product_takes_validations_of_its_types(
    in_force: set[str], wanted: set[str], is_enough: bool
) -> None:
    faults = judge_assignment(
        needed=True,
        assigned="7",
        usable=True,
        in_force=frozenset(in_force),
        wanted=frozenset(wanted),
    )
    assert [fault.code for fault in faults] == (
        [] if is_enough else ["external-organization-not-validated"]
    )


@pytest.mark.parametrize(
    ("status", "validations", "words"),
    [
        ("inactive", [("ov", "active")], "inactive"),
        ("active", [], "no validation at the CA"),
        ("active", [("ov", "expired"), ("ev", "pending")], "ov is expired, ev is pending"),
    ],
)
def test_what_is_missing_is_named(
    status: str, validations: list[tuple[str, str]], words: str
) -> None:
    said = missing_validation("Umbra", status, validations)
    assert said.startswith("Umbra ")
    assert words in said
    assert "portal" in said
