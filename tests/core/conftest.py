"""Decisions are tested without I/O: whoever opens a socket, a process or a file here is told."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_REFUSED = frozenset({"socket.connect", "socket.bind", "subprocess.Popen", "os.fork"})
_KEPT_BY_TOOLS = frozenset({".hypothesis", "__pycache__", ".pytest_cache"})
_watching = False


class InputOutput(BaseException):
    """Raised inside the call that did it; no test catches it by accident."""


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and (event in _REFUSED or _writes(event, arguments)):
        raise InputOutput(f"{event} {arguments}")


def _writes(event: str, arguments: tuple[Any, ...]) -> bool:
    if event != "open" or not isinstance(arguments[0], str):
        return False
    path, mode, _ = arguments
    return bool(set(mode or "") & set("wax+")) and not _KEPT_BY_TOOLS & set(Path(path).parts)


sys.addaudithook(_watch)  # cannot be taken back, so it asks whether a test of this folder runs


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Of this folder's tests only; a fixture would take longer than most of them."""
    global _watching
    _watching = True
    try:
        yield
    finally:
        _watching = False


@pytest.fixture(scope="session", autouse=True)
def _logging() -> None:
    """Decisions log nothing, and setting it up takes longer than most of their tests."""
