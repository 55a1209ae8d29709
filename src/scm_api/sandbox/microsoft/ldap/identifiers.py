"""SIDs (MS-DTYP 2.4.2), GUIDs and security descriptors (2.4.6) in their binary forms."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import NAMESPACE_X500, UUID, uuid5

ENROLL: Final = UUID("0e10c968-78fb-11d2-90d4-00c04f79dc55")
AUTO_ENROLL: Final = UUID("a05b8cc2-17bc-4802-a710-e7c15ab866a2")
AUTHENTICATED_USERS: Final = "S-1-5-11"
OWNER, GROUP, DACL, SACL = 1, 2, 4, 8
"""SD flags (MS-ADTS 3.1.1.3.4.1.11)."""
READ: Final = 0x00020094
FULL: Final = 0x000F00FF
_CONTROL_ACCESS: Final = 0x00000100
_SELF_RELATIVE, _DACL_PRESENT, _SACL_PRESENT = 0x8000, 0x0004, 0x0010
_HEADER: Final = struct.Struct("<BBHIIII")


def encode_sid(text: str) -> bytes:
    """`S-1-5-21-...` in binary. Raises ValueError."""
    mark, revision, authority, *parts = text.split("-")
    if mark != "S" or len(parts) > 15:
        raise ValueError(f"{text} is no SID")
    numbers = struct.pack(f"<{len(parts)}I", *map(int, parts))
    return bytes((int(revision), len(parts))) + int(authority).to_bytes(6, "big") + numbers


def guid_of(name: str) -> UUID:
    """The same identifier for the same name at every start."""
    return uuid5(NAMESPACE_X500, name.casefold())


@dataclass(frozen=True, slots=True)
class Ace:
    """Something that is allowed to a SID: rights, or with an object type an extended right."""

    sid: str
    mask: int
    right: UUID | None = None

    def encode(self) -> bytes:
        sid = encode_sid(self.sid)
        if self.right is None:
            body, kind = struct.pack("<I", self.mask) + sid, 0x00
        else:
            body, kind = struct.pack("<II", self.mask, 1) + self.right.bytes_le + sid, 0x05
        return struct.pack("<BBH", kind, 0, 4 + len(body)) + body


def extended_right(sid: str, right: UUID) -> Ace:
    return Ace(sid, _CONTROL_ACCESS, right)


def encode_descriptor(owner: str, aces: Iterable[Ace]) -> bytes:
    """Self-relative, with owner, group, and a DACL; the SACL is empty."""
    return _assembled(encode_sid(owner), encode_sid(owner), _acl([]), _acl(aces))


def trimmed(descriptor: bytes, flags: int) -> bytes:
    """The parts of a descriptor that SD flags ask for."""
    _, _, _, *offsets = _HEADER.unpack_from(descriptor)
    ends = sorted((*offsets, len(descriptor)))
    parts = []
    for flag, start in zip((OWNER, GROUP, SACL, DACL), offsets, strict=True):
        end = next(each for each in ends if each > start)
        parts.append(descriptor[start:end] if flags & flag else b"")
    return _assembled(*parts)


def _acl(aces: Iterable[Ace]) -> bytes:
    encoded = [each.encode() for each in aces]
    size = 8 + sum(len(each) for each in encoded)
    return struct.pack("<BBHHH", 4, 0, size, len(encoded), 0) + b"".join(encoded)


def _assembled(owner: bytes, group: bytes, sacl: bytes, dacl: bytes) -> bytes:
    control = _SELF_RELATIVE | (_DACL_PRESENT if dacl else 0) | (_SACL_PRESENT if sacl else 0)
    offsets: list[int] = []
    position = _HEADER.size
    for part in (owner, group, sacl, dacl):
        offsets.append(position if part else 0)
        position += len(part)
    return _HEADER.pack(1, 0, control, *offsets) + owner + group + sacl + dacl
