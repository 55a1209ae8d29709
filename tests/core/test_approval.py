"""Who may decide, until when, and what an approval is for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from scm_api.core.access import Principal
from scm_api.core.approval import (
    Approved,
    Requester,
    judge_approvable,
    judge_approver,
    name_difference,
    state_at,
)
from scm_api.core.errors import Forbidden
from scm_api.core.names import Name
from scm_api.core.rights import EVERY_PRIVILEGE, EVERY_TYPE
from scm_api.core.vocabulary import (
    CertificateType,
    EnrollmentState,
    NameKind,
    Role,
)

ADA, BOB, CAT, DAN = (UUID(int=number) for number in (1, 2, 11, 12))
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
APPROVED = Approved(
    csr_der=b"csr",
    names=[{"kind": "dns", "value": "b.example"}, {"kind": "dns", "value": "a.example"}],
    term_days=90,
    not_after=None,
    certificate_profile_id=UUID(int=3),
    profile_version=4,
)


def admin(
    admin_id: UUID, role: Role = Role.MRAO, key: int = 9, known_to: frozenset[UUID] = frozenset()
) -> Principal:
    return Principal(
        admin_id, "somebody", role, UUID(int=key), None, EVERY_TYPE, EVERY_PRIVILEGE, None, known_to
    )


@pytest.mark.parametrize("own_allowed", [True, False])
def test_another_admin_decides(own_allowed: bool) -> None:
    assert judge_approver(admin(BOB), Requester(ADA), own_allowed=own_allowed) is False
    given = admin(BOB, known_to=frozenset({CAT}))
    assert judge_approver(given, Requester(ADA, frozenset({DAN})), own_allowed=own_allowed) is False


def test_t41_the_admin_counts_and_not_the_key() -> None:
    for key in (9, 10):
        with pytest.raises(Forbidden) as refused:
            judge_approver(admin(ADA, key=key), Requester(ADA), own_allowed=False)
        assert refused.value.code == "self-approval"


@pytest.mark.parametrize(
    ("approver_known_to", "requester_known_to", "why"),
    [
        ({ADA}, set(), "handed out by the admin who asked"),
        (set(), {BOB}, "that you handed out"),
        ({CAT}, {CAT, DAN}, "by the same admin"),
    ],
)
def test_t41_nobody_decides_by_keys_they_handed_out(
    approver_known_to: set[UUID], requester_known_to: set[UUID], why: str
) -> None:
    approver = admin(BOB, known_to=frozenset(approver_known_to))
    requester = Requester(ADA, frozenset(requester_known_to))
    with pytest.raises(Forbidden, match=why) as refused:
        judge_approver(approver, requester, own_allowed=False)
    assert refused.value.code == "self-approval"
    assert judge_approver(approver, requester, own_allowed=True) is True


def test_an_mrao_who_handed_out_keys_stands_in_the_way_only_of_their_own_requests() -> None:
    given = {"known_to": frozenset({CAT})}
    both = Requester(ADA, frozenset({CAT}))
    assert (
        judge_approver(admin(BOB, Role.RAO, **given), both, own_allowed=False, mraos=[CAT]) is False
    )
    assert judge_approver(admin(CAT), both, own_allowed=False, mraos=[CAT]) is False
    for requester in (Requester(CAT), Requester(ADA, frozenset({CAT, DAN}))):
        known = frozenset({CAT, DAN})
        with pytest.raises(Forbidden):
            judge_approver(
                admin(BOB, Role.RAO, known_to=known), requester, own_allowed=False, mraos=[CAT]
            )


def test_t41_a_key_is_known_to_all_whose_hands_it_came_through() -> None:
    assert admin(ADA).knowing_key_of(ADA) == set()
    assert admin(ADA).knowing_key_of(BOB) == {ADA}
    given = admin(BOB, known_to=frozenset({ADA}))
    assert given.knowing_key_of(BOB) == {ADA}
    assert given.knowing_key_of(CAT) == {ADA, BOB}


def test_the_account_may_let_an_mrao_decide_about_their_own() -> None:
    assert judge_approver(admin(ADA), Requester(ADA), own_allowed=True) is True


@pytest.mark.parametrize("role", [Role.RAO, Role.DRAO])
def test_nobody_else_is_let_through_by_that(role: Role) -> None:
    with pytest.raises(Forbidden):
        judge_approver(admin(ADA, role), Requester(ADA), own_allowed=True)


@pytest.mark.parametrize("certificate_type", list(CertificateType))
def test_approval_is_for_ssl_and_device(certificate_type: CertificateType) -> None:
    possible = certificate_type in {CertificateType.SSL, CertificateType.DEVICE}
    faults = judge_approvable(certificate_type, requires_approval=True)
    found = [(fault.pointer, fault.code) for fault in faults]
    assert found == [] if possible else [("/requires_approval", "approval-not-supported")]
    assert judge_approvable(certificate_type, requires_approval=False) == []


@pytest.mark.parametrize(
    ("expires_at", "over"),
    [(None, False), (NOW + timedelta(seconds=1), False), (NOW, True), (NOW - timedelta(1), True)],
)
def test_a_request_nobody_answered_is_over(expires_at: datetime | None, over: bool) -> None:
    waiting, canceled = EnrollmentState.PENDING_APPROVAL, EnrollmentState.CANCELED
    assert state_at(waiting, expires_at, NOW) is (canceled if over else waiting)
    assert state_at(EnrollmentState.ISSUED, expires_at, NOW) is EnrollmentState.ISSUED


def test_t43_every_part_of_what_was_approved_is_in_the_digest() -> None:
    changes = (
        {"csr_der": b"crs"},
        {"names": APPROVED.names[:1]},
        {"names": [{"kind": "uri", "value": "b.example"}, APPROVED.names[1]]},
        {"term_days": 91},
        {"not_after": NOW},
        {"certificate_profile_id": UUID(int=5)},
        {"profile_version": 5},
    )
    digests = {replace(APPROVED, **change).digest for change in changes}  # type: ignore[arg-type]  # by name
    assert len(digests | {APPROVED.digest}) == len(changes) + 1


def test_the_digest_knows_no_order_of_names_and_no_time_zones() -> None:
    assert replace(APPROVED, names=APPROVED.names[::-1]).digest == APPROVED.digest
    elsewhere = NOW.astimezone(timezone(timedelta(hours=2)))
    in_utc = replace(APPROVED, not_after=NOW)
    assert replace(APPROVED, not_after=elsewhere).digest == in_utc.digest


def test_the_difference_of_names() -> None:
    def dns(*values: str) -> list[Name]:
        return [Name(NameKind.DNS, value) for value in values]

    added, removed = name_difference(dns("A.example", "b.example"), dns("c.example", "a.example"))
    assert (added, removed) == (dns("c.example"), dns("b.example"))
    odd = [Name(NameKind.DNS, "no name")]
    assert name_difference(odd, odd) == ([], [])
