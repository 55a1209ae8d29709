"""Who may do what: every rule with one who may and one who may not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from scm_api.core.access import (
    Principal,
    require_account_wide,
    require_certificate_type,
    require_delegations_within,
    require_may_give,
    require_may_handle,
    require_no_longer_life,
    require_own_rights_kept,
    require_privilege,
    require_within_owner,
    sees,
)
from scm_api.core.errors import Conflict, Forbidden
from scm_api.core.rights import EVERY_PRIVILEGE, EVERY_TYPE, UNLIMITED, Rights
from scm_api.core.vocabulary import CertificateType, Privilege, Role

MINE, DEPARTMENT, THEIRS = uuid4(), uuid4(), uuid4()
NOW = datetime(2026, 11, 23, tzinfo=UTC)
SSL = frozenset({CertificateType.SSL})

mrao = Principal(uuid4(), "Ada", Role.MRAO, uuid4(), None, EVERY_TYPE, EVERY_PRIVILEGE, None)
rao = Principal(
    uuid4(),
    "Bea",
    Role.RAO,
    uuid4(),
    frozenset({MINE, DEPARTMENT}),
    SSL,
    frozenset({Privilege.ENROLL, Privilege.CREATE_PEERS}),
    None,
)
PEER = Rights(Role.RAO, frozenset({MINE}), SSL, frozenset({Privilege.ENROLL}))


def refused(rule: Callable[[], None], *words: str, code: str = "forbidden") -> None:
    with pytest.raises(Forbidden) as refusal:
        rule()
    assert refusal.value.code == code
    for word in words:
        assert word in refusal.value.detail


def test_sight_ends_at_organizations() -> None:
    assert sees(mrao, THEIRS)
    assert sees(rao, DEPARTMENT)
    assert sees(rao, MINE)
    assert not sees(rao, THEIRS)


def test_t37_the_account_is_for_an_mrao_without_limits() -> None:
    require_account_wide(mrao, "create connectors")
    refused(lambda: require_account_wide(rao, "create connectors"), "Only an MRAO", "RAO")
    for limited in (
        replace(mrao, privileges=EVERY_PRIVILEGE - {Privilege.REVOKE}),
        replace(mrao, certificate_types=SSL),
    ):
        refused(lambda by=limited: require_account_wide(by, "create connectors"), "scope")


def test_a_missing_privilege_is_named() -> None:
    require_privilege(rao, Privilege.ENROLL, "enroll")
    refused(lambda: require_privilege(rao, Privilege.REVOKE, "revoke certificates"), "revoke")


def test_a_missing_certificate_type_is_named() -> None:
    require_certificate_type(rao, CertificateType.SSL, "create profiles")
    client = CertificateType.CLIENT
    refused(lambda: require_certificate_type(rao, client, "create profiles"), "client", "ssl")
    nothing = replace(rao, certificate_types=frozenset())
    refused(lambda: require_certificate_type(nothing, client, "create profiles"), "none")


def test_a_profile_others_use_as_well_is_not_changed() -> None:
    require_delegations_within(rao, [MINE, DEPARTMENT], "change certificate profiles")
    require_delegations_within(mrao, [THEIRS], "change certificate profiles")
    refused(lambda: require_delegations_within(rao, [MINE, THEIRS], "change profiles"), "MRAO")


def test_t38_admins_are_handled_by_who_has_all_they_have() -> None:
    require_may_handle(rao, PEER, "change admins")
    require_may_handle(mrao, UNLIMITED, "change admins")
    refused(lambda: require_may_handle(rao, UNLIMITED, "change admins"), "the role MRAO")
    elsewhere = replace(PEER, organization_ids=frozenset({THEIRS}))
    refused(lambda: require_may_handle(rao, elsewhere, "change admins"), "organization")
    without = replace(rao, privileges=frozenset({Privilege.ENROLL}))
    refused(lambda: require_may_handle(without, PEER, "change admins"), "create_peers")


def test_t38_nobody_gives_what_they_do_not_have() -> None:
    require_may_give(rao, PEER)
    more = replace(PEER, privileges=frozenset({Privilege.REVOKE}))
    refused(lambda: require_may_give(rao, more), "revoke", code="privilege-escalation")


def test_t38_no_key_is_given_more_than_its_owner_has() -> None:
    scope = replace(PEER, role=Role.DRAO, organization_ids=frozenset({DEPARTMENT}))
    require_within_owner(PEER, rao.organization_ids, scope)
    more = replace(scope, certificate_types=EVERY_TYPE)
    refused(
        lambda: require_within_owner(PEER, rao.organization_ids, more),
        "device",
        code="privilege-escalation",
    )


def test_t38_a_key_makes_none_that_outlives_it() -> None:
    ending = replace(rao, key_expires_at=NOW)
    require_no_longer_life(rao, None)
    require_no_longer_life(ending, NOW)
    for later in (None, NOW + timedelta(seconds=1)):
        refused(lambda at=later: require_no_longer_life(ending, at), code="privilege-escalation")


def test_an_rao_takes_no_rights_from_itself() -> None:
    require_own_rights_kept(rao, rao.admin_id, kept=True)
    require_own_rights_kept(rao, uuid4(), kept=False)
    require_own_rights_kept(mrao, mrao.admin_id, kept=False)
    with pytest.raises(Conflict) as refusal:
        require_own_rights_kept(rao, rao.admin_id, kept=False)
    assert refusal.value.code == "own-rights"
