"""Foreign text inside sentences and rows."""

from scm_api.core.explain import storable


def test_what_postgresql_cannot_hold_is_escaped() -> None:
    assert storable("a\0b \ud800 ü") == "a\\x00b \\ud800 ü"
