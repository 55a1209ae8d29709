"""NDR 2.0 (C706 chapter 14) as far as these two interfaces need it, little endian."""

import struct
from typing import Final

from scm_api.sandbox.microsoft.rpc.faults import BAD_STUB_DATA, RpcFault

_MOST_TEXT: Final = 4096


class NdrReader:
    """Takes values off a stub; whatever does not fit raises RpcFault(BAD_STUB_DATA)."""

    def __init__(self, stub: bytes) -> None:
        self._stub = stub
        self._at = 0

    def raw(self, length: int) -> bytes:
        """Bytes without alignment."""
        taken = self._stub[self._at : self._at + length]
        if len(taken) != length:
            raise RpcFault(BAD_STUB_DATA)
        self._at += length
        return taken

    def align(self, size: int) -> None:
        self._at += -self._at % size

    def u32(self) -> int:
        self.align(4)
        return int.from_bytes(self.raw(4), "little")

    def unique_text(self) -> str | None:
        """A unique pointer to a NUL-terminated [string] of wchar_t."""
        if not self.u32():
            return None
        most, offset, length = self.u32(), self.u32(), self.u32()
        if offset or not 0 < length <= most or length > _MOST_TEXT:
            raise RpcFault(BAD_STUB_DATA)
        content = self.raw(2 * length)
        try:
            text = content.decode("utf-16-le")
        except UnicodeDecodeError:
            raise RpcFault(BAD_STUB_DATA) from None
        if text.find("\0") != len(text) - 1:
            raise RpcFault(BAD_STUB_DATA)
        return text[:-1]

    def blob(self) -> bytes:
        """A CERTTRANSBLOB {cb, [size_is(cb), unique] pb} (MS-WCCE 2.2.2.2)."""
        length, is_there = self.u32(), self.u32()
        if not is_there:
            if length:
                raise RpcFault(BAD_STUB_DATA)
            return b""
        if self.u32() != length:
            raise RpcFault(BAD_STUB_DATA)
        return self.raw(length)


class NdrWriter:
    """Puts values on a stub. Referents are numbered as Windows does."""

    def __init__(self) -> None:
        self._stub = bytearray()
        self._referents = 0

    def raw(self, content: bytes) -> None:
        self._stub += content

    def align(self, size: int) -> None:
        self._stub += bytes(-len(self._stub) % size)

    def u32(self, value: int) -> None:
        self.align(4)
        self._stub += struct.pack("<I", value)

    def referent(self) -> None:
        self._referents += 1
        self.u32(0x20000 + 4 * (self._referents - 1))

    def blob(self, content: bytes) -> None:
        """A CERTTRANSBLOB; an empty one has no pointer."""
        self.u32(len(content))
        if not content:
            self.u32(0)
            return
        self.referent()
        self.u32(len(content))
        self.raw(content)

    def encode(self) -> bytes:
        return bytes(self._stub)
