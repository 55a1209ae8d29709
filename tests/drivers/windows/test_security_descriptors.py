"""Rights told from security descriptors, byte by byte."""

import struct
from uuid import UUID

import pytest
from microsoft_forest import SID

from scm_api.drivers.windows.security_descriptors import has_right, may_change, sid_text


def sid(text: str) -> bytes:
    _, _, authority, *parts = text.split("-")
    head = bytes([1, len(parts)]) + int(authority).to_bytes(6, "big")
    return head + struct.pack(f"<{len(parts)}I", *map(int, parts))


def ace(kind: int, who: str, mask: int = 0x100, what: UUID | None = None, flags: int = 0) -> bytes:
    about = b""
    if kind in (5, 6, 0x0B, 0x0C):
        about = struct.pack("<I", 1 if what else 0) + (what.bytes_le if what else b"")
    body = struct.pack("<I", mask) + about + sid(who)
    return struct.pack("<BBH", kind, flags, 4 + len(body)) + body


def descriptor(*aces: bytes) -> bytes:
    listed = b"".join(aces)
    dacl = struct.pack("<BBHHH", 4, 0, 8 + len(listed), len(aces), 0) + listed
    return struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 20) + dacl


ENROLL = UUID("0e10c968-78fb-11d2-90d4-00c04f79dc55")
AUTO_ENROLL = UUID("a05b8cc2-17bc-4802-a710-e7c15ab866a2")
ME, STAFF, OTHER = f"{SID}-1103", f"{SID}-1200", f"{SID}-1300"


@pytest.mark.parametrize(
    ("aces", "allowed"),
    [
        ((), False),
        ((ace(5, ME, what=ENROLL),), True),
        ((ace(5, STAFF, what=ENROLL),), True),
        ((ace(5, OTHER, what=ENROLL),), False),
        ((ace(5, ME, what=AUTO_ENROLL),), False),
        ((ace(5, ME),), True),
        ((ace(0, ME),), True),
        ((ace(0, ME, mask=0x10000000),), True),
        ((ace(0, ME, mask=0x000F01FF),), True),
        ((ace(0, ME, mask=0x20094),), False),
        ((ace(6, STAFF, what=ENROLL), ace(5, ME, what=ENROLL)), False),
        ((ace(1, STAFF), ace(5, ME, what=ENROLL)), False),
        ((ace(6, OTHER, what=ENROLL), ace(5, ME, what=ENROLL)), True),
        ((ace(6, ME, what=AUTO_ENROLL), ace(5, ME, what=ENROLL)), True),
        ((ace(5, ME, what=ENROLL), ace(6, STAFF, what=ENROLL)), True),
        ((ace(5, ME, what=ENROLL, flags=0x08),), False),
        ((ace(0x0B, ME, what=ENROLL),), False),
        ((ace(2, ME), ace(5, ME, what=ENROLL)), True),
    ],
)
def test_the_first_entry_about_the_account_decides(aces: tuple[bytes, ...], allowed: bool) -> None:
    assert has_right(descriptor(*aces), {ME, STAFF}, ENROLL) is allowed


def test_without_a_dacl_everybody_may_do_everything() -> None:
    bare = struct.pack("<BBHIIII", 1, 0, 0x8000, 0, 0, 0, 0)
    assert has_right(bare, {ME}, ENROLL)
    assert may_change(bare, {ME})


@pytest.mark.parametrize(
    ("entries", "changes"),
    [
        ((ace(0, ME, mask=0x40000),), True),
        ((ace(0, STAFF, mask=0x80000),), True),
        ((ace(5, ME, mask=0x20),), True),
        ((ace(0, ME, mask=0x10000000),), True),
        ((ace(0, ME, mask=0x20094), ace(5, ME, what=ENROLL)), False),
        ((ace(0, OTHER, mask=0xF01FF),), False),
        ((ace(1, ME, mask=0x40000),), False),
        ((ace(0, ME, mask=0x40000, flags=0x08),), False),
    ],
)
def test_t31_a_right_to_change_the_object_is_told(
    entries: tuple[bytes, ...], changes: bool
) -> None:
    assert may_change(descriptor(*entries), {ME, STAFF}) is changes


@pytest.mark.parametrize(
    "raw",
    [b"", bytes(10), descriptor(ace(0, ME))[:40], descriptor(bytes(8) + bytes(8), ace(0, ME))],
)
def test_what_is_no_descriptor_is_said(raw: bytes) -> None:
    with pytest.raises(ValueError):
        has_right(raw, {ME}, ENROLL)


def test_a_sid_is_written_as_windows_writes_it() -> None:
    assert sid_text(sid(ME)) == ME
    with pytest.raises(ValueError, match="SID"):
        sid_text(b"\x01\x05\x00")
