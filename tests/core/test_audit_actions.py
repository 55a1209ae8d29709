"""Audit events are searched by action, so every action that is recorded is one of the list."""

import ast
from collections.abc import Iterator
from pathlib import Path

import scm_api
from scm_api.core.audit_actions import ACTIONS

SOURCES = Path(scm_api.__file__).parent


def recorded() -> Iterator[str]:
    """The actions that are written out where audit events are made."""
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in CALLS:
                texts = (each for each in node.args if isinstance(each, ast.Constant))
                yield from (str(each.value) for each in texts if "." in str(each.value))


CALLS = {"record", "event_row", "_record"}


def test_every_recorded_action_can_be_searched_for() -> None:
    found = set(recorded())
    assert len(found) > 20
    assert found <= set(ACTIONS)
