"""What a WinRM server answers is read without anything in it being expanded."""

from xml.etree import ElementTree

import pytest

from scm_api.drivers.windows.remote_commands import _parsed

BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaa">]><x>&a;</x>'


def test_soap_is_read_also_with_a_byte_order_mark() -> None:
    assert _parsed("<x>ü</x>".encode("utf-8-sig")).text == "ü"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-32"])
def test_a_document_type_is_refused_in_every_encoding(encoding: str) -> None:
    with pytest.raises((ElementTree.ParseError, UnicodeDecodeError)):
        _parsed(BOMB.encode(encoding))
