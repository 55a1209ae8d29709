"""What the simulator knows, as JSON documents in memory, written through to one file.

SQLite without waiting for the disk: what was answered survives the end of the process, which is
what a test can bring about, and not the loss of power.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

Document = dict[str, Any]


class Documents:
    """Documents by kind and number."""

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = OFF")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS documents"
            " (kind TEXT, id INTEGER, body BLOB, PRIMARY KEY (kind, id)) WITHOUT ROWID"
        )
        self._kinds: dict[str, dict[int, Document]] = {}
        for kind, number, body in self._file.execute("SELECT kind, id, body FROM documents"):
            self._kinds.setdefault(kind, {})[number] = orjson.loads(body)

    def of(self, kind: str) -> Iterator[Document]:
        """Every document of a kind, in the order they were made."""
        return iter(list(self._kinds.get(kind, {}).values()))

    def get(self, kind: str, number: int) -> Document | None:
        return self._kinds.get(kind, {}).get(number)

    def put(self, kind: str, document: Document) -> None:
        """Store a new document, or one that was changed in place."""
        number = document["id"]
        self._kinds.setdefault(kind, {})[number] = document
        self._file.execute(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)",
            (kind, number, orjson.dumps(document)),
        )

    def next_number(self, kind: str, first: int) -> int:
        """A number no document of the kind has."""
        taken = self._kinds.get(kind)
        return max(max(taken) + 1, first) if taken else first

    def forget(self, *kinds: str) -> None:
        for kind in kinds:
            self._kinds.pop(kind, None)
            self._file.execute("DELETE FROM documents WHERE kind = ?", (kind,))

    def close(self) -> None:
        self._file.close()
