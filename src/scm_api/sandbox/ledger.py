"""Append-only JSON lines: the ledger of what was done and the audit of what was asked.

Every line is handed to the operating system before the answer leaves, so it survives a crash
of the simulator. It is not synchronised to the disk, which would cost more than it proves.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from errno import ENOSPC
from os import SEEK_END
from pathlib import Path
from typing import Any

import orjson

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries in the order they were written, and the cursor that goes on from there."""

    entries: list[Entry]
    next: int


class JsonLines:
    """One file of JSON objects, one a line. Cursors are byte offsets."""

    def __init__(self, path: Path) -> None:
        self._path = path
        _drop_torn_line(path)
        self._file = path.open("ab", buffering=0)

    def append(self, *entries: Mapping[str, Any]) -> None:
        """Write the entries in one piece.

        Raises OSError when the disk does not take them; then nothing of them is there.
        """
        lines = b"".join(orjson.dumps(entry) + b"\n" for entry in entries)
        end = self._file.seek(0, SEEK_END)
        if self._file.write(lines) != len(lines):
            self._file.truncate(end)
            raise OSError(ENOSPC, "there is no room for a line", str(self._path))

    def page(self, after: int, limit: int, wanted: Callable[[Entry], bool]) -> Page:
        """At most `limit` wanted entries that start at or behind the cursor `after`.

        Raises ValueError when `after` is not a cursor of this file.
        """
        entries: list[Entry] = []
        with self._path.open("rb") as lines:
            if after:
                lines.seek(after - 1)
                if lines.read(1) != b"\n":
                    raise ValueError("after is not a cursor that this list gave out")
            while len(entries) < limit and (line := lines.readline()):
                if wanted(entry := orjson.loads(line)):
                    entries.append(entry)
            return Page(entries, lines.tell())

    def __iter__(self) -> Iterator[Entry]:
        with self._path.open("rb") as lines:
            for line in lines:
                yield orjson.loads(line)

    def clear(self) -> None:
        self._file.truncate(0)

    def close(self) -> None:
        self._file.close()


def instant(seconds: float) -> str:
    """RFC 3339 UTC text with microseconds of a Unix time."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def _drop_torn_line(path: Path) -> None:
    """Cut what a kill in the middle of a write left behind the last whole line."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        content_end = file.seek(0, 2)
        position = content_end
        while position > 0:
            file.seek(position - 1)
            if file.read(1) == b"\n":
                break
            position -= 1
        if position != content_end:
            file.truncate(position)
