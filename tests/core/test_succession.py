"""Which key a successor may have, and what can be replaced."""

from datetime import UTC, datetime, timedelta

import pytest

from scm_api.core.errors import Conflict
from scm_api.core.succession import (
    is_reissued,
    judge_new_key,
    judge_renewable,
    judge_same_type,
    require_replaceable,
)
from scm_api.core.vocabulary import CertificateType, RevocationReason, RevocationState

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


@pytest.mark.parametrize("reason", [None, *RevocationReason])
@pytest.mark.parametrize("same_allowed", [True, False])
def test_a_new_key_is_always_right(reason: RevocationReason | None, same_allowed: bool) -> None:
    assert judge_new_key("a", "b", same_allowed=same_allowed, reason=reason) == []


@pytest.mark.parametrize("reason", [None, RevocationReason.SUPERSEDED])
def test_the_key_is_kept_where_the_profile_allows_it(reason: RevocationReason | None) -> None:
    assert judge_new_key("a", "a", same_allowed=True, reason=reason) == []
    [fault] = judge_new_key("a", "a", same_allowed=False, reason=reason)
    assert (fault.pointer, fault.code) == ("/csr", "key-reused")
    assert "profile" in fault.detail
    assert "renew_with_same_key" in (fault.accepted or "")


def test_a_compromised_key_is_never_kept() -> None:
    for allowed in (True, False):
        reason = RevocationReason.KEY_COMPROMISE
        [fault] = judge_new_key("a", "a", same_allowed=allowed, reason=reason)
        assert "compromised" in fault.detail


@pytest.mark.parametrize(
    "state",
    [
        None,
        RevocationState.DECLINED,
        RevocationState.EXPIRED,
        RevocationState.REFUSED,
    ],
)
def test_what_is_in_force_is_replaceable(state: RevocationState | None) -> None:
    require_replaceable(state, LATER, NOW)


@pytest.mark.parametrize(
    "state",
    [RevocationState.PENDING_APPROVAL, RevocationState.REQUESTED, RevocationState.DONE],
)
def test_what_is_being_revoked_is_not(state: RevocationState) -> None:
    with pytest.raises(Conflict, match=f"is {state.value}"):
        require_replaceable(state, LATER, NOW)


def test_what_expired_is_renewed_instead() -> None:
    with pytest.raises(Conflict, match="expired"):
        require_replaceable(None, NOW, NOW)


def test_a_successor_is_of_the_same_type() -> None:
    assert judge_same_type(CertificateType.SSL, CertificateType.SSL) == []
    [fault] = judge_same_type(CertificateType.SSL, CertificateType.DEVICE)
    assert (fault.pointer, fault.code) == ("", "certificate-type-differs")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quarantined": True}, "certificate-quarantined"),
        ({"followed": True}, "wrong-state"),
        ({"allowed": False}, "renew-not-allowed"),
    ],
)
def test_one_of_many_is_renewed_only_where_nobody_has_to_look(
    changes: dict[str, bool], code: str
) -> None:
    fine = {"quarantined": False, "followed": False, "allowed": True}
    assert judge_renewable(None, **fine) == []
    assert [fault.code for fault in judge_renewable(None, **(fine | changes))] == [code]


@pytest.mark.parametrize("state", list(RevocationState))
def test_one_of_many_is_renewed_only_while_it_is_in_force(state: RevocationState) -> None:
    faults = judge_renewable(state, quarantined=False, followed=False, allowed=True)
    in_force = {
        RevocationState.DECLINED,
        RevocationState.EXPIRED,
        RevocationState.CANCELED,
        RevocationState.REFUSED,
    }
    assert (faults == []) == (state in in_force)


@pytest.mark.parametrize(
    ("reason", "revokes", "expected"),
    [
        (None, False, False),
        ("superseded", True, True),
        ("key_compromise", False, True),
        ("key_compromise", True, False),
    ],
)
def test_a_reissue_that_revokes_is_none_for_a_compromised_key(
    reason: str | None, revokes: bool, expected: bool
) -> None:
    assert is_reissued(reason, revokes=revokes) is expected
