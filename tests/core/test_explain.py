"""Foreign text inside sentences and rows."""

from scm_api.core.explain import storable, storable_json


def test_what_postgresql_cannot_hold_is_escaped() -> None:
    assert storable("a\0b \ud800 ü") == "a\\x00b \\ud800 ü"


def test_every_text_in_json_is_made_storable() -> None:
    content = {"a\0": ["\ud800", {"b": "\0"}, 1, None], "ü": True}
    assert storable_json(content) == {"a\\x00": ["\\ud800", {"b": "\\x00"}, 1, None], "ü": True}
