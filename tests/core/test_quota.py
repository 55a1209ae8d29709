"""Certificates per person."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from scm_api.core.names import Name
from scm_api.core.quota import judge_people, judge_quota, judge_room, people_of, surplus
from scm_api.core.vocabulary import CertificateType, NameKind

PEOPLE = st.lists(st.sampled_from(["ada", "bob", "cy"]), min_size=1, max_size=3, unique=True)


def test_people_are_addresses_and_upns_whatever_their_case() -> None:
    names = [
        Name(NameKind.UPN, "Ada@corp.example.com"),
        Name(NameKind.EMAIL, "ADA@corp.example.com"),
        Name(NameKind.EMAIL, "Jo@example.com"),
        Name(NameKind.DNS, "www.example.com"),
    ]
    assert people_of(names) == ("ada@corp.example.com", "jo@example.com")


def test_a_limit_is_for_clients() -> None:
    for each in CertificateType:
        faults = judge_quota(each, 3, auto_revoke=False, can_revoke=True)
        found = [fault.code for fault in faults]
        assert found == ([] if each is CertificateType.CLIENT else ["quota-not-supported"])


def test_no_limit_is_for_everybody() -> None:
    for each in CertificateType:
        assert judge_quota(each, None, auto_revoke=False, can_revoke=False) == []


def test_revoking_the_oldest_takes_a_limit_and_a_ca_that_revokes() -> None:
    client = CertificateType.CLIENT
    assert judge_quota(client, 1, auto_revoke=True, can_revoke=True) == []
    faults = judge_quota(client, None, auto_revoke=True, can_revoke=False)
    assert [fault.code for fault in faults] == ["auto-revoke-not-possible"] * 2
    assert {fault.pointer for fault in faults} == {"/auto_revoke"}


def test_who_is_counted_is_named() -> None:
    assert judge_people(None, ()) == []
    assert judge_people(1, ("ada",)) == []
    [fault] = judge_people(1, ())
    assert (fault.pointer, fault.code) == ("/csr", "person-missing")


def test_everybody_without_room_is_told() -> None:
    assert judge_room(2, {"ada": 1}) == []
    faults = judge_room(2, {"bob": 3, "ada": 2, "cy": 1})
    assert [fault.detail.split()[0] for fault in faults] == ["ada", "bob"]
    assert {fault.code for fault in faults} == {"limit-reached"}


def test_the_oldest_go_first() -> None:
    assert surplus(2, [(1, ["ada"]), (2, ["ada"]), (3, ["ada"])]) == [1]
    assert surplus(2, [(1, ["ada"]), (2, ["bob"]), (3, ["ada"])]) == []


@given(st.integers(1, 4), st.lists(PEOPLE, min_size=1, max_size=20))
def test_auto_revoke_keeps_the_count(limit: int, everybody: list[list[str]]) -> None:
    """Certificates come one after the other; what is too many goes after each."""
    held: list[tuple[int, list[str]]] = []
    for number, people in enumerate(everybody):
        held.append((number, people))
        gone = surplus(limit, held)
        assert number not in gone
        left = [each for each in held if each[0] not in gone]
        count = Counter(person for _, theirs in left for person in theirs)
        assert max(count.values()) <= limit
        # Nothing goes that could have stayed beside everything newer.
        for number_gone in gone:
            theirs = dict(held)[number_gone]
            newer = [each for each in left if each[0] > number_gone]
            assert any(sum(one in of for _, of in newer) >= limit for one in theirs)
        held = left


@given(st.integers(1, 5), st.lists(st.booleans(), max_size=40))
def test_a_limit_is_never_passed_by_those_who_ask_first(limit: int, events: list[bool]) -> None:
    """True asks for a certificate, False ends the oldest."""
    taken = 0
    for asks in events:
        if not asks:
            taken = max(0, taken - 1)
        elif not judge_room(limit, {"ada": taken}):
            taken += 1
        assert taken <= limit
