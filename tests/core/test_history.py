"""Audit events in words."""

import pytest

from scm_api.core.history import Told, tell
from scm_api.core.lifecycle import Move


@pytest.mark.parametrize("move", list(Move))
def test_every_move_has_a_sentence_of_its_own(move: Move) -> None:
    what = tell(f"enrollment.{move.value}", {}).what
    others = {tell(f"enrollment.{other.value}", {}).what for other in Move if other is not move}
    assert what not in others
    assert len(what.split()) > 1 or what in {"Approved", "Declined"}


def test_details_are_part_of_the_sentence() -> None:
    details = {"profile_version": 3, "waits_for_approval": True, "comment": "ticket 4711"}
    assert tell("enrollment.created", details) == Told(
        "Asked for a certificate by version 3 of the profile; it waits for approval", "ticket 4711"
    )
    assert tell(
        "enrollment.created", {"profile_version": 3, "replace_reason": "superseded"}
    ) == Told(
        "Asked for a certificate by version 3 of the profile; the one it replaces will be revoked",
        None,
    )
    assert tell("enrollment.approved", {"self_approved": True}) == Told(
        "Approved by the requester, as the account's settings allow", None
    )


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ({"reason": "processing-failed", "detail": "It failed."}, "It failed."),
        ({"found": ["One thing.", "Another."]}, "One thing. Another."),
        ({"waits_for": "a person at the CA", "comment": ""}, "a person at the CA"),
        ({}, None),
    ],
)
def test_the_reason_is_the_most_telling_one(details: dict[str, object], why: str | None) -> None:
    assert tell("enrollment.parked", details).why == why


def test_what_is_not_known_is_told_as_it_is() -> None:
    assert tell("enrollment.taken_over", {}).what == "Taken over"
    assert tell("enrollment.issued", {}).what == "Issued with serial number ?"
