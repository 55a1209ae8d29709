"""The list of known bad keys as it lies on the disk."""

import json
import mmap
from pathlib import Path

from scm_api.core.weak_keys import Blocklist, KeyChecks
from scm_api.settings import Settings


def open_blocklist(directory: Path) -> Blocklist:
    """Map `blocklist.dat` and read `badkeysdata.json`, as `badkeys --update-bl` leaves them.

    Raises OSError where one is missing and ValueError where one is not in format 0.
    """
    about = json.loads((directory / "badkeysdata.json").read_bytes())
    with (directory / "blocklist.dat").open("rb") as file:
        records = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return Blocklist(records, about)
    except ValueError as error:
        raise ValueError(f"{directory}: {error}") from error


def key_checks(settings: Settings) -> KeyChecks:
    """Everything known against keys, with the blocklist where one is set; reads files."""
    directory = settings.key_blocklist_directory
    return KeyChecks(None if directory is None else open_blocklist(directory))
