"""NTLM message security with extended session security (MS-NLMP 3.4)."""

import hashlib
import hmac
import struct
from typing import Final

from scm_api.sandbox.microsoft.security.contexts import LogonError
from scm_api.sandbox.microsoft.security.hashing import Rc4

KEY_56, KEY_EXCHANGE, KEY_128, SIGN = 0x80000000, 0x40000000, 0x20000000, 0x10
_NO_SIGNATURE: Final = b"\x01" + bytes(15)
"""What SSPI signs with where no integrity was negotiated."""
_VERSION: Final = b"\x01\x00\x00\x00"


class _Direction:
    """Keys and sequence number of one direction."""

    def __init__(self, flags: int, session_key: bytes, words: bytes) -> None:
        magic = b"session key to " + words + b" %s key magic constant\x00"
        weakened = session_key if flags & KEY_128 else session_key[: 7 if flags & KEY_56 else 5]
        self._sign_key = _md5(session_key + magic % b"signing")
        self.stream = Rc4(_md5(weakened + magic % b"sealing"))
        self._encrypts_checksum = bool(flags & KEY_EXCHANGE)
        self._sequence = 0

    def signature(self, message: bytes) -> bytes:
        sequence = struct.pack("<I", self._sequence)
        self._sequence += 1
        checksum = hmac.digest(self._sign_key, sequence + message, "md5")[:8]
        if self._encrypts_checksum:
            checksum = self.stream(checksum)
        return _VERSION + checksum + sequence


class NtlmSecurity:
    """The acceptor's side; a message sealed or signed out of order is not taken."""

    always_covers_headers = True

    def __init__(self, flags: int, session_key: bytes) -> None:
        self._has_integrity = bool(flags & SIGN)
        self._from_client = _Direction(flags, session_key, b"client-to-server")
        self._to_client = _Direction(flags, session_key, b"server-to-client")

    def signature_size(self, *, is_sealed: bool) -> int:  # noqa: ARG002 -- they are alike
        return 16

    def protect(self, message: bytes, start: int, end: int) -> tuple[bytes, bytes]:
        sealed = self._to_client.stream(message[start:end])
        return message[:start] + sealed + message[end:], self._to_client.signature(message)

    def unprotect(self, message: bytes, start: int, end: int, signature: bytes) -> bytes:
        clear = message[:start] + self._from_client.stream(message[start:end]) + message[end:]
        if not hmac.compare_digest(self._from_client.signature(clear), signature):
            raise LogonError("8009030f", "The message was altered or is out of sequence")
        return clear

    def check_mechanisms(self, mechanisms: bytes, mic: bytes) -> None:
        """The caller's mechListMIC; afterwards its key stream begins anew (MS-SPNG 3.1.5.1)."""
        if not self._has_integrity and mic == _NO_SIGNATURE:
            return
        self.unprotect(mechanisms, 0, 0, mic)
        self._from_client.stream.reset()

    def sign_mechanisms(self, mechanisms: bytes) -> bytes:
        """Our mechListMIC; afterwards our key stream begins anew."""
        if not self._has_integrity:
            return _NO_SIGNATURE
        _, mic = self.protect(mechanisms, 0, 0)
        self._to_client.stream.reset()
        return mic


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()
