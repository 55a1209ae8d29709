"""The keys and CAs of simulators, made once in a test run: that takes up to half a second."""

import fcntl
import shutil
from importlib import import_module
from pathlib import Path

_WRITTEN = ("documents.db*", "*.jsonl", "lock")
"""What a simulator keeps of its calls and orders."""

_kept: list[Path] = []


def keep_in(directory: Path) -> None:
    """Where all processes of this run find what one of them made."""
    directory.mkdir(exist_ok=True)
    _kept[:] = [directory]


def made_state(ca: str, state: Path) -> Path:
    """The directory, which becomes the state of a simulator that was never called; `ca` is its
    package in `scm_api.sandbox`."""
    [kept] = _kept
    with (kept / f"{ca}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (kept / ca).exists():
            _make(ca, kept / f"{ca}.draft").rename(kept / ca)
    return shutil.copytree(kept / ca, state, dirs_exist_ok=True)


def _make(ca: str, draft: Path) -> Path:
    settings = import_module(f"scm_api.sandbox.{ca}.settings").Settings
    open_simulator = import_module(f"scm_api.sandbox.{ca}.simulator").open_simulator
    open_simulator(settings(draft)).close()
    for pattern in _WRITTEN:
        for each in draft.glob(pattern):
            each.unlink()
    return draft
