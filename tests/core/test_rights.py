"""Rights: what a key leaves of its owner's, what is missing, and which limits fit a role."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scm_api.core.errors import Fault
from scm_api.core.rights import (
    EVERY_PRIVILEGE,
    EVERY_TYPE,
    LEVELS,
    UNLIMITED,
    Rights,
    levels_up_to,
    limit_faults,
    limit_of_mrao,
    missing,
    narrowed,
)
from scm_api.core.vocabulary import CertificateType, Privilege, Role

ORGANIZATION, OTHER = uuid4(), uuid4()
RIGHTS = st.builds(
    Rights,
    st.sampled_from(Role),
    st.frozensets(st.sampled_from([ORGANIZATION, OTHER])),
    st.frozensets(st.sampled_from(CertificateType)),
    st.frozensets(st.sampled_from(Privilege)),
)


def rao(
    *privileges: Privilege, types: frozenset[CertificateType] = frozenset({CertificateType.SSL})
) -> Rights:
    return Rights(Role.RAO, frozenset({ORGANIZATION}), types, frozenset(privileges))


@given(RIGHTS, RIGHTS)
def test_t38_a_key_is_never_more_than_its_owner(owner: Rights, scope: Rights) -> None:
    for more in (owner, scope):
        role, types, privileges = narrowed(owner, scope)
        assert LEVELS.index(role) <= LEVELS.index(more.role)
        assert types <= more.certificate_types
        assert privileges <= more.privileges


def test_a_key_without_scope_is_as_its_owner() -> None:
    owner = rao(Privilege.ENROLL)
    assert narrowed(owner, None) == (Role.RAO, owner.certificate_types, owner.privileges)
    assert narrowed(UNLIMITED, None) == (Role.MRAO, EVERY_TYPE, EVERY_PRIVILEGE)


def test_levels_from_the_least() -> None:
    assert levels_up_to(Role.DRAO) == (Role.DRAO,)
    assert levels_up_to(Role.RAO) == (Role.DRAO, Role.RAO)
    assert set(levels_up_to(Role.MRAO)) == set(Role)


@given(RIGHTS)
def test_nothing_is_missing_from_oneself_or_from_an_mrao(rights: Rights) -> None:
    mine = (rights.role, rights.organization_ids, rights.certificate_types, rights.privileges)
    assert missing(rights, *mine) == []
    assert missing(rights, Role.MRAO, None, EVERY_TYPE, EVERY_PRIVILEGE) == []


def test_what_is_missing_is_named() -> None:
    wanted = Rights(Role.MRAO, frozenset({ORGANIZATION, OTHER}), EVERY_TYPE, EVERY_PRIVILEGE)
    assert missing(
        wanted,
        Role.RAO,
        {ORGANIZATION},
        EVERY_TYPE - {CertificateType.CLIENT},
        EVERY_PRIVILEGE - {Privilege.REVOKE, Privilege.APPROVE},
    ) == [
        "the role MRAO",
        "an organization or department",
        "the certificate type client",
        "the privilege approve",
        "the privilege revoke",
    ]


@pytest.mark.parametrize(
    ("role", "departments"),
    [(Role.RAO, [False, False]), (Role.DRAO, [True]), (Role.MRAO, [])],
)
def test_limits_that_fit(role: Role, departments: list[bool]) -> None:
    rights = Rights(role, frozenset({ORGANIZATION}), EVERY_TYPE, frozenset())
    assert list(limit_faults(rights, departments)) == []


def test_limits_that_do_not_fit() -> None:
    def found(rights: Rights, departments: list[bool], at: str = "") -> list[tuple[str, str]]:
        return [(fault.pointer, fault.code) for fault in limit_faults(rights, departments, at)]

    assert found(rao(), [False, True]) == [("/organization_ids/1", "limit-not-for-role")]
    drao = Rights(Role.DRAO, frozenset({ORGANIZATION}), EVERY_TYPE, frozenset())
    assert found(drao, [False], "/scope") == [("/scope/organization_ids/0", "limit-not-for-role")]
    nothing = Rights(Role.DRAO, frozenset(), frozenset(), EVERY_PRIVILEGE)
    assert found(nothing, []) == [
        ("/organization_ids", "field-required"),
        ("/certificate_types", "field-required"),
    ]
    assert found(UNLIMITED, [False]) == [("/organization_ids", "limit-not-for-role")]
    assert isinstance(limit_of_mrao("/privileges"), Fault)
