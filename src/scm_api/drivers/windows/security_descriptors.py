"""Who may do what with an object of Active Directory, by its self-relative security descriptor
(MS-DTYP 2.4.6, 2.5.3.2; MS-ADTS 5.1.3.2)."""

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

EVERYONE: Final = "S-1-1-0"
AUTHENTICATED_USERS: Final = "S-1-5-11"

_DACL_PRESENT: Final = 0x0004
_INHERIT_ONLY: Final = 0x08
_OBJECT_TYPE_PRESENT, _INHERITED_TYPE_PRESENT = 0x1, 0x2
_CONTROL_ACCESS: Final = 0x00000100
_GENERIC_ALL: Final = 0x10000000
# Write a property, the DACL, the owner; generic write.
_CHANGES: Final = 0x20 | 0x40000 | 0x80000 | 0x40000000 | _GENERIC_ALL
# Those with a condition (callback) allow nothing here, as the condition is not evaluated.
_ALLOW: Final = {0x00, 0x05}
_DENY: Final = {0x01, 0x06, 0x0A, 0x0C}
_OF_OBJECTS: Final = {0x05, 0x06, 0x0B, 0x0C}


def sid_text(raw: bytes) -> str:
    """A SID as `S-1-…`. Raises ValueError for what is none."""
    if len(raw) < 8 or raw[0] != 1 or len(raw) < 8 + 4 * raw[1]:
        raise ValueError("no SID")
    parts = struct.unpack_from(f"<{raw[1]}I", raw, 8)
    return "-".join(("S-1", str(int.from_bytes(raw[2:8], "big")), *map(str, parts)))


def has_right(descriptor: bytes, sids: Collection[str], right: UUID) -> bool:
    """Whether an account with these SIDs has the extended right: the first entry of the DACL that
    is about it decides; without any DACL everybody has every right.

    Raises ValueError for what is no descriptor.
    """
    entries = _entries(descriptor)
    if entries is None:
        return True
    rights = _CONTROL_ACCESS | _GENERIC_ALL
    about = (each for each in entries if each.sid in sids and each.mask & rights)
    return next((each.allows for each in about if each.what in (None, right)), False)


def may_change(descriptor: bytes, sids: Collection[str]) -> bool:
    """Whether anything allows an account with these SIDs to change the object, which lets it
    grant itself the rest; what forbids it is not weighed. Raises ValueError."""
    entries = _entries(descriptor)
    if entries is None:
        return True
    return any(each.allows and each.sid in sids and each.mask & _CHANGES for each in entries)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry that counts for the object itself; `what` is the right or property it is about."""

    allows: bool
    mask: int
    what: UUID | None
    sid: str


def _entries(descriptor: bytes) -> list[_Entry] | None:
    """Those of the DACL, None where there is none."""
    try:
        control, offset = struct.unpack_from("<H12xI", descriptor, 2)
        if not control & _DACL_PRESENT or not offset:
            return None
        return list(_read(descriptor, offset))
    except struct.error as error:
        raise ValueError("no security descriptor") from error


def _read(descriptor: bytes, offset: int) -> Iterator[_Entry]:
    (count,) = struct.unpack_from("<4xH", descriptor, offset)
    offset += 8
    for _ in range(count):
        kind, flags, size, mask = struct.unpack_from("<BBHI", descriptor, offset)
        at, what = offset + 8, None
        if kind in _OF_OBJECTS:
            (present,) = struct.unpack_from("<I", descriptor, at)
            at += 4
            if present & _OBJECT_TYPE_PRESENT:
                what = UUID(bytes_le=descriptor[at : at + 16])
                at += 16
            at += 16 if present & _INHERITED_TYPE_PRESENT else 0
        if kind in _ALLOW | _DENY and not flags & _INHERIT_ONLY:
            yield _Entry(kind in _ALLOW, mask, what, sid_text(descriptor[at : offset + size]))
        if size < 8:
            raise ValueError("no entry of a DACL")
        offset += size
