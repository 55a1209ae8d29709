"""The list of known bad keys, read from where `badkeys --update-bl` put it."""

import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from scm_api.core.weak_keys import KeyChecks
from scm_api.key_blocklist import BlocklistError, open_blocklist


def write(directory: Path, records: bytes) -> None:
    (directory / "blocklist.dat").write_bytes(records)
    about = {"bkformat": 0, "blocklists": [{"id": 7, "name": "debianssl"}]}
    (directory / "badkeysdata.json").write_text(json.dumps(about))


def test_a_listed_key_is_found(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    material = key.public_bytes_raw().lstrip(b"\0")
    write(tmp_path, hashlib.sha256(material).digest()[:15] + b"\x07")
    [reason] = KeyChecks(open_blocklist(tmp_path)).reasons_against(key)
    assert "debianssl" in reason


def test_a_strange_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, b"x" * 17)
    with pytest.raises(BlocklistError, match=str(tmp_path)):
        open_blocklist(tmp_path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BlocklistError, match=str(tmp_path)):
        open_blocklist(tmp_path)
