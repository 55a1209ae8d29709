"""T63: whatever is done to audit events or their seals, the first number that is wrong is named."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from scm_api.core.audit_seals import (
    FIELDS,
    GENESIS,
    Seal,
    Unproven,
    Verification,
    canonical,
    exported,
    kept_head,
    next_seal,
)
from scm_api.core.sealing import KeyRing

AT = datetime(2026, 11, 28, 12, 0, 0, 1, tzinfo=UTC)
OLD, NEW = (
    f"{name}:{base64.b64encode(name[:1].encode() * 32).decode()}" for name in ("old", "new")
)
RING = KeyRing.parse([OLD])
# The numbers 4 and 7 were given to transactions that were rolled back.
NUMBERS = ((1, 2, 3), (5, 6), (8,))
Chain = list[tuple[Seal, list[dict[str, Any]]]]


def event(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "number": number,
        "at": AT,
        "action": "organization.created",
        "subject_kind": "organization",
        "subject_id": UUID(int=abs(number)),
        "organization_id": None,
        "principal_id": None,
        "principal_name": "Ada",
        "api_key_id": None,
        "request_id": None,
        "details": '{"changed": ["name"]}',
    } | changes


def chain(rings: Sequence[KeyRing] = (RING, RING, RING), **changes: Any) -> Chain:
    seals: Chain = []
    newest = GENESIS
    for numbers, ring in zip(NUMBERS, rings, strict=True):
        events = [event(number, **changes) for number in numbers]
        newest = next_seal(newest, events, AT, ring)
        seals.append((newest, events))
    return seals


def verified(
    seals: Chain, ring: KeyRing = RING, head: tuple[int, bytes] | None = None
) -> tuple[int, str] | None:
    """Number and reason of the first break."""
    going = Verification(ring, head)
    for seal, events in seals:
        if broken := going.follow(seal) or going.compare(events):
            return broken.number, broken.why
    broken = going.end()
    return (broken.number, broken.why) if broken else None


def test_a_chain_that_nobody_touched_holds() -> None:
    assert verified(chain()) is None
    assert [seal.count for seal, _ in chain()] == [3, 2, 1]
    assert verified([]) is None


@pytest.mark.parametrize("field", FIELDS)
def test_t63_every_field_is_sealed(field: str) -> None:
    others = {"number": 9, "at": AT + datetime.resolution, "details": '{"changed": ["nam"]}'}
    changed = event(1) | {field: others.get(field, "x")}
    assert canonical(changed) != canonical(event(1))


def test_what_is_sealed_says_which_field_it_is_of_and_no_clock_of_whoever_looks() -> None:
    assert canonical(event(1, principal_name="x")) != canonical(event(1, request_id="x"))
    elsewhere = AT.astimezone(tz=datetime.strptime("+0200", "%z").tzinfo)
    assert canonical(event(1, at=elsewhere)) == canonical(event(1))
    assert canonical(event(1, principal_name="")) != canonical(event(1, principal_name=None))


def _change(seals: Chain) -> None:
    seals[1][1][0]["action"] = "organization.deleted"


def _swap(seals: Chain) -> None:
    first, second = seals[0][1][1:]
    first["number"], second["number"] = second["number"], first["number"]
    seals[0][1][1:] = [second, first]


def _delete(seals: Chain) -> None:
    del seals[0][1][1]


def _delete_last(seals: Chain) -> None:
    del seals[2][1][0]


def _add_between(seals: Chain) -> None:
    seals[1][1].insert(0, event(4))


def _add_behind(seals: Chain) -> None:
    seals[2][1].append(event(9))


def _add_negative(seals: Chain) -> None:
    seals[0][1].insert(0, event(-5))


def _lose_seal(seals: Chain) -> None:
    del seals[1]


def _lose_first(seals: Chain) -> None:
    del seals[0]


def _edit_seal(seals: Chain) -> None:
    seals[1] = (replace(seals[1][0], at=AT + timedelta(seconds=1)), seals[1][1])


def _edit_proof(seals: Chain) -> None:
    seals[1] = (replace(seals[1][0], proof=bytes(32)), seals[1][1])


def _forge(seals: Chain) -> None:
    """Make all of it anew: whoever owns the tables knows the names of the keys, and no key."""
    seals[:] = chain([_of_others(seal.key_id) for seal, _ in seals], action="admin.created")


def _of_others(*names: str) -> KeyRing:
    return KeyRing.parse([f"{name}:{base64.b64encode(bytes(32)).decode()}" for name in names])


@pytest.mark.parametrize(
    ("attack", "number", "why"),
    [
        (_change, 5, "the event was changed"),
        (_swap, 2, "the event was changed"),
        (_delete, 2, "the event is missing"),
        (_delete_last, 8, "the event is missing"),
        (_add_between, 4, "the event was added"),
        (_add_behind, 9, "the event was added"),
        (_add_negative, -5, "the event was added"),
        (_lose_seal, 4, "audit seal 2 is missing"),
        (_lose_first, 1, "audit seal 1 is missing"),
        (_edit_seal, 4, "audit seal 2 was changed"),
        (_edit_proof, 4, "audit seal 2 was not made by this service"),
        (_forge, 1, "audit seal 1 was not made by this service"),
    ],
)
def test_t63_the_first_number_that_is_wrong_is_named(
    attack: Callable[[Chain], None], number: int, why: str
) -> None:
    seals = chain()
    attack(seals)
    assert verified(seals) == (number, why)


def test_t63_a_tail_that_was_cut_off_is_seen_by_who_kept_the_head() -> None:
    seals = chain()
    head = kept_head(json.dumps(exported(seals[2][0])))
    assert verified(seals, head=head) is None
    assert verified(seals[:2]) is None
    assert verified(seals[:2], head=head) == (7, "audit seal 3, which was exported, is gone")
    again = next_seal(seals[1][0], [event(8, action="admin.deleted")], AT, RING)
    anew = [*seals[:2], (again, [event(8, action="admin.deleted")])]
    assert verified(anew) is None
    assert verified(anew, head=head) == (7, "audit seal 3 is not the one that was exported")


def test_an_empty_chain_has_a_head_that_every_chain_goes_on_from() -> None:
    assert exported(GENESIS) == {"seal": 0, "number": 0, "digest": "00" * 32, "at": None}
    assert verified(chain(), head=kept_head(json.dumps(exported(GENESIS)))) is None
    told = exported(chain()[0][0])
    assert (told["seal"], told["number"], told["at"]) == (1, 3, "2026-11-28T12:00:00Z")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"seal": 1, "digest": "x"}'])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the head"):
        kept_head(text)


def test_t63_a_proof_by_the_new_key_vouches_for_what_retired_keys_sealed() -> None:
    both, new = KeyRing.parse([NEW, OLD]), KeyRing.parse([NEW])
    seals = chain((RING, RING, both))
    assert seals[2][0].key_id == "new"
    assert verified(seals, both) is None
    assert verified(seals, new) is None
    unknown = "audit seal 2 was made with the key 'old', which is not in the key ring"
    assert verified(seals[:2], new) == (1, unknown)
    others = _of_others("new", "old")
    forged = chain((_of_others("old"), _of_others("old"), others), action="admin.created")
    assert verified(forged, new) == (1, "audit seal 3 was not made by this service")


def test_a_seal_of_nothing_proves_anew() -> None:
    seals = chain()
    proof = next_seal(seals[-1][0], (), AT, KeyRing.parse([NEW, OLD]))
    assert (proof.through, proof.count) == (8, 0)
    assert verified([*seals, (proof, [])], KeyRing.parse([NEW])) is None


def test_t63_no_seal_follows_one_that_is_not_proven() -> None:
    """The service would vouch for what was forged."""
    seals = chain()
    with pytest.raises(Unproven, match="seal 3 was not made by this service"):
        next_seal(replace(seals[2][0], digest=bytes(32)), [event(9)], AT, RING)
    with pytest.raises(Unproven, match="'old', which is not in the key ring"):
        next_seal(seals[2][0], [event(9)], AT, KeyRing.parse([NEW]))
