"""The keys and CAs of simulators, made once in a process: that takes up to half a second."""

import shutil
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

_WRITTEN = ("documents.db*", "*.jsonl", "lock")
"""What a simulator keeps of its calls and orders."""


def made_state(ca: str, state: Path) -> Path:
    """The directory, which becomes the state of a simulator that was never called; `ca` is its
    package in `scm_api.sandbox`."""
    return shutil.copytree(_made(ca).name, state, dirs_exist_ok=True)


@cache
def _made(ca: str) -> TemporaryDirectory[str]:
    settings = import_module(f"scm_api.sandbox.{ca}.settings").Settings
    open_simulator = import_module(f"scm_api.sandbox.{ca}.simulator").open_simulator
    kept = TemporaryDirectory(prefix=f"{ca}-")
    state = Path(kept.name)
    open_simulator(settings(state)).close()
    for pattern in _WRITTEN:
        for each in state.glob(pattern):
            each.unlink()
    return kept
