"""The watch over this folder works."""

import socket
import subprocess
from pathlib import Path

import pytest

from conftest import InputOutput  # type: ignore[attr-defined]  # the one of this folder


def test_a_socket_is_noticed() -> None:
    with pytest.raises(InputOutput), socket.socket() as opened:
        opened.connect(("127.0.0.1", 9))


def test_a_process_is_noticed() -> None:
    with pytest.raises(InputOutput):
        subprocess.run(["true"], check=True)


def test_a_file_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(InputOutput):
        (tmp_path / "new").write_text("text")
