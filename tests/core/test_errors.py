"""What an error carries for whoever turns it into an answer."""

from uuid import uuid4

import pytest

from scm_api.core.errors import (
    Conflict,
    Fault,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    RateLimited,
    ScmError,
    Stale,
    Unauthenticated,
    Unavailable,
    Use,
)

SHORT = Fault("/name", "too-short", "The name is too short.", "at least one character")
LONG = Fault("/comment", "too-long", "The comment is too long.")


def test_one_fault_gives_its_own_sentence_and_code() -> None:
    error = Invalid([SHORT])
    assert (error.code, error.detail, error.faults) == ("too-short", SHORT.detail, (SHORT,))


def test_faults_of_one_kind_keep_their_code_and_all_are_carried() -> None:
    error = Invalid([SHORT, SHORT])
    assert (error.code, error.faults) == ("too-short", (SHORT, SHORT))
    assert error.detail == "The request has 2 faults."


def test_faults_of_several_kinds_have_the_code_of_the_request() -> None:
    assert Invalid([SHORT, LONG]).code == "invalid-request"


def test_invalid_without_a_fault_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="at least one fault"):
        Invalid([])


def test_what_is_not_there_is_named_by_its_kind_only() -> None:
    assert str(NotFound("certificate")) == "There is no such certificate."


def test_the_code_can_be_more_exact_than_the_kind() -> None:
    assert Conflict("It waits.").code == "conflict"
    assert Conflict("It waits.", code="wrong-state").code == "wrong-state"
    assert Unavailable("Away.", code="ca-unavailable").code == "ca-unavailable"


def test_what_a_client_needs_to_go_on_is_kept() -> None:
    use = Use("enrollment", uuid4(), "www.example.com")
    assert Conflict("It is in use.", used_by=[use]).used_by == (use,)
    assert Unavailable("Away.").retry_after == 5
    assert RateLimited("Too much.", retry_after=7).retry_after == 7
    assert Malformed("Not JSON.", pointer="query/limit").faults[0].pointer == "query/limit"


def test_several_parameters_that_cannot_be_read_are_told_at_once() -> None:
    assert Malformed("Not JSON.").faults == ()
    assert Malformed("2 faults.", faults=[SHORT, LONG]).faults == (SHORT, LONG)
    first = Malformed("No.", pointer="query/limit", faults=[LONG]).faults[0]
    assert (first.pointer, first.code) == ("query/limit", "malformed-request")


def test_each_kind_has_a_code_of_its_own() -> None:
    kinds = [each for each in ScmError.__subclasses__() if each.__module__ == ScmError.__module__]
    assert {Forbidden, Stale, Unauthenticated} <= set(kinds)
    assert len({kind.code for kind in kinds}) == len(kinds)
