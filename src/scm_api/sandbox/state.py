"""The directory a simulator keeps its state in: opened by one process at a time."""

import fcntl
from pathlib import Path
from typing import IO


class StateError(Exception):
    """A state directory, or a file named in the settings, that cannot be used; in one sentence."""


def lock_state(directory: Path) -> IO[str]:
    """Make the directory if it is not there, and hold it until the file returned is closed.

    Raises StateError when it cannot be used: no rights, or taken by another simulator.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (directory / "lock").open("w")
    except OSError as error:
        raise unusable(directory, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise StateError(
            f"The state directory {directory} is used by another simulator."
        ) from error
    return lock


def unusable(directory: Path, error: OSError) -> StateError:
    """What the system said about the directory, in a sentence."""
    return StateError(f"The state directory {directory} cannot be used: {error}.")
