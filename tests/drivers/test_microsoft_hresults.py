"""Codes of AD CS: which failure each one is, and that the sentence says what to do."""

import pytest

from scm_api.drivers.errors import BackendRefused, BackendUnavailable, OrderRefused
from scm_api.drivers.microsoft.hresults import MEANINGS, failure, hresult_in


@pytest.mark.parametrize("code", sorted(MEANINGS))
def test_every_code_has_its_failure_and_a_sentence(code: int) -> None:
    error = failure(code, "in the CA's words")
    assert error is not None
    assert error.detail.startswith(MEANINGS[code].advice)
    assert "in the CA's words" in error.detail
    assert f"0x{code:08X}" in error.detail
    assert MEANINGS[code].advice.endswith((".", "?"))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0x80094811, OrderRefused),
        (0x8009480D, OrderRefused),
        (0x80094012, BackendRefused),
        (0x80094800, BackendRefused),
        (0x80092013, BackendRefused),
        (0x800706BA, BackendUnavailable),
        (0x80090999, OrderRefused),
        (0x800706BE, type(None)),
        (0x80004005, type(None)),
    ],
)
def test_the_kinds_of_codes(code: int, kind: type) -> None:
    assert isinstance(failure(code, ""), kind)


def test_a_refusal_by_code_is_of_this_kind_of_order_alone() -> None:
    error = failure(0x80094012, "")
    assert isinstance(error, BackendRefused)
    assert not error.whole_backend


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Denied 0x80094800, The (0x80094012)", 0x80094800),
        ("0X8009480D", 0x8009480D),
        ("0x00000000 (WIN32: 0)", None),
        ("0x800948001", None),
        ("0x8009480", None),
        ("80094800", None),
        ("", None),
    ],
)
def test_codes_are_found_in_any_text(text: str, code: int | None) -> None:
    assert hresult_in(text) == code
