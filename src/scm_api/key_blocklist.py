"""The list of known bad keys as it lies on the disk."""

import json
import mmap
from pathlib import Path

from scm_api.core.weak_keys import Blocklist, KeyChecks
from scm_api.settings import Settings


class BlocklistError(Exception):
    """The lists of `key_blocklist_directory` cannot be used; the text names it and says why."""


def open_blocklist(directory: Path) -> Blocklist:
    """Map `blocklist.dat` and read `badkeysdata.json`, as `badkeys --update-bl` leaves them.

    Raises BlocklistError where one is missing or not in format 0.
    """
    try:
        about = json.loads((directory / "badkeysdata.json").read_bytes())
        with (directory / "blocklist.dat").open("rb") as file:
            records = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return Blocklist(records, about)
    except (OSError, ValueError) as error:
        raise BlocklistError(f"SCM_KEY_BLOCKLIST_DIRECTORY: {directory}: {error}") from error


def key_checks(settings: Settings) -> KeyChecks:
    """Everything known against keys, with the blocklist where one is set; reads files."""
    directory = settings.key_blocklist_directory
    return KeyChecks(None if directory is None else open_blocklist(directory))
