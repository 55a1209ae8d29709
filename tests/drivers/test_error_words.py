"""A CA's words, whatever is in them, can be stored."""

import json

from scm_api.drivers.errors import OrderRefused


def test_what_postgresql_cannot_hold_is_escaped() -> None:
    said = json.loads(r'"no\u0000 way \ud800\u00e9"')
    assert OrderRefused(said).detail == r"no\x00 way \ud800é"
    assert OrderRefused("", code=said).code == r"no\x00 way \ud800é"
