"""What a WinRM server answers is read without anything in it being expanded."""

from xml.etree import ElementTree

import pytest

from scm_api.drivers.errors import BackendRefused, OutcomeUnknown
from scm_api.drivers.http import Reply
from scm_api.drivers.windows.remote_commands import RemoteCommands, _parsed

RESPONSES = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
FAULTS = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
DENIED = 500, f'<x xmlns:f="{FAULTS}"><f:WSManFault Code="5"/></x>'
BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaa">]><x>&a;</x>'


def test_soap_is_read_also_with_a_byte_order_mark() -> None:
    assert _parsed("<x>ü</x>".encode("utf-8-sig")).text == "ü"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-32"])
def test_a_document_type_is_refused_in_every_encoding(encoding: str) -> None:
    with pytest.raises((ElementTree.ParseError, UnicodeDecodeError)):
        _parsed(BOMB.encode(encoding))


class Answers:
    """Answers each call with the next of these."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        self.left = list(answers)

    async def write(self, _target: str, _content: bytes, _kind: str) -> Reply:
        status, body = self.left.pop(0)
        return Reply(status, {}, body.encode(), None)


def said(member: str, text: str) -> tuple[int, str]:
    return 200, f'<x xmlns:r="{RESPONSES}"><r:{member}>{text}</r:{member}></x>'


async def test_what_is_denied_before_the_program_runs_is_refused() -> None:
    site = Answers(DENIED)
    with pytest.raises(BackendRefused, match="Remote Management Users"):
        await RemoteCommands(site, "https://host").run("certutil", "-ping")


async def test_what_is_denied_while_the_program_runs_leaves_its_outcome_open() -> None:
    site = Answers(said("ShellId", "1"), said("CommandId", "2"), DENIED, DENIED)
    with pytest.raises(OutcomeUnknown):
        await RemoteCommands(site, "https://host").run("certutil", "-revoke", "0a", "1")
    assert site.left == [], "the shell is left"
