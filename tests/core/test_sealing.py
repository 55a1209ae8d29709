"""Sealed values open for their own row only, under any key of the ring."""

import base64

import pytest

from scm_api.core.sealing import KeyRing, Unsealable

OLD = "old:" + base64.b64encode(b"a" * 32).decode()
NEW = "new:" + base64.b64encode(b"b" * 32).decode()


def test_t62_a_value_moved_to_another_row_does_not_open() -> None:
    ring = KeyRing.parse([OLD])
    sealed = ring.seal(b"secret", "rows/1")
    assert ring.open(sealed, "rows/1") == b"secret"
    with pytest.raises(Unsealable, match="another row"):
        ring.open(sealed, "rows/2")


def test_the_plain_text_is_not_in_the_sealed_value() -> None:
    assert b"canary" not in KeyRing.parse([OLD]).seal(b"canary", "rows/1")


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    sealed = KeyRing.parse([OLD]).seal(b"secret", "rows/1")
    ring = KeyRing.parse([NEW, OLD])
    assert ring.open(sealed, "rows/1") == b"secret"
    assert ring.key_id(ring.seal(b"secret", "rows/1")) == "new"


def test_a_key_that_left_the_ring_opens_nothing() -> None:
    sealed = KeyRing.parse([OLD]).seal(b"secret", "rows/1")
    with pytest.raises(Unsealable, match="not in the key ring"):
        KeyRing.parse([NEW]).open(sealed, "rows/1")


@pytest.mark.parametrize("changed", [b"", b"\x01", b"\x02\x03old", bytes(40)])
def test_what_is_no_sealed_value_is_refused(changed: bytes) -> None:
    with pytest.raises(Unsealable):
        KeyRing.parse([OLD]).open(changed, "rows/1")


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([], "empty"),
        (["no-colon"], "key 1 is not of the form"),
        (["id:***"], "key 1 is not base64"),
        ([OLD, "short:" + base64.b64encode(b"x").decode()], "key 2 has 1 bytes"),
        ([OLD, OLD], "key 2 repeats"),
    ],
)
def test_a_wrong_ring_is_explained_without_showing_it(entries: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        KeyRing.parse(entries)


def test_purposes_get_different_keys() -> None:
    ring = KeyRing.parse([OLD])
    assert ring.derive("one") != ring.derive("two")
    assert len(ring.derive("one")) == 32
