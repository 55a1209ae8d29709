"""MD4 (RFC 1320), which OpenSSL no longer offers, and RC4, for NTLM alone."""

import struct
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher

_MASK: Final = 0xFFFFFFFF
_IN_ORDER: Final = tuple(range(16))
_Round = tuple[Callable[[int, int, int], int], int, tuple[int, ...], tuple[int, ...]]
_ROUNDS: Final[tuple[_Round, ...]] = (
    (lambda x, y, z: (x & y) | (~x & z), 0, _IN_ORDER, (3, 7, 11, 19)),
    (
        lambda x, y, z: (x & y) | (x & z) | (y & z),
        0x5A827999,
        tuple(row + 4 * column for row in range(4) for column in range(4)),
        (3, 5, 9, 13),
    ),
    (
        lambda x, y, z: x ^ y ^ z,
        0x6ED9EBA1,
        (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
        (3, 9, 11, 15),
    ),
)


def md4(content: bytes) -> bytes:
    """The 16 bytes of RFC 1320."""
    padded = content + b"\x80" + bytes((55 - len(content)) % 64)
    padded += struct.pack("<Q", len(content) * 8)
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    for start in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, start)
        mixed = _mixed(state, words)
        state = [(old + new) & _MASK for old, new in zip(state, mixed, strict=True)]
    return struct.pack("<4I", *state)


def _mixed(state: list[int], words: tuple[int, ...]) -> list[int]:
    a, b, c, d = state
    for function, constant, order, shifts in _ROUNDS:
        for step, index in enumerate(order):
            total = (a + function(b, c, d) + words[index] + constant) & _MASK
            shift = shifts[step % 4]
            turned = ((total << shift) | (total >> (32 - shift))) & _MASK
            a, b, c, d = d, turned, b, c
    return [a, b, c, d]


class Rc4:
    """One key stream, used up as it goes."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.reset()

    def reset(self) -> None:
        """Start the key stream anew."""
        self._stream = Cipher(ARC4(self._key), mode=None).encryptor()

    def __call__(self, content: bytes) -> bytes:
        return self._stream.update(content)
