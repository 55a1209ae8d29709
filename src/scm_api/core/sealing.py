"""Secrets at rest: AES-256-GCM under a ring of keys, bound to the row they belong to.

Sealed bytes are `version (1) | key id length (1) | key id | nonce (12) | ciphertext and tag`.
The row's identity is associated data, so a value copied to another row does not open there.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = 1
_NONCE_BYTES = 12


class Unsealable(Exception):
    """The value was not sealed for this row, was changed, or its key left the ring."""


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """Keys by id; `active` seals, all of them open."""

    keys: Mapping[str, bytes]
    active: str

    @classmethod
    def parse(cls, entries: list[str]) -> "KeyRing":
        """Read `id:base64-of-32-bytes` entries, the first being the active one.

        Raises ValueError naming the entry's position and what is wrong, never its content.
        """
        keys: dict[str, bytes] = {}
        for position, entry in enumerate(entries, start=1):
            name, separator, encoded = entry.partition(":")
            if not separator or not 1 <= len(name.encode()) <= 64:
                raise ValueError(f"key {position} is not of the form id:base64")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error as error:
                raise ValueError(f"key {position} is not base64") from error
            if len(key) != 32:
                raise ValueError(f"key {position} has {len(key)} bytes instead of 32")
            if name in keys:
                raise ValueError(f"key {position} repeats the id of an earlier key")
            keys[name] = key
        if not keys:
            raise ValueError("the key ring is empty")
        return cls(keys, next(iter(keys)))

    @property
    def header(self) -> bytes:
        """What every value begins with that the active key sealed, and no other."""
        name = self.active.encode()
        return bytes([_VERSION, len(name)]) + name

    def seal(self, plain: bytes, owner: str) -> bytes:
        """Encrypt `plain` for the row `owner` (for example `local_ca_backends/<id>`)."""
        nonce = os.urandom(_NONCE_BYTES)
        return (
            self.header
            + nonce
            + AESGCM(self.keys[self.active]).encrypt(nonce, plain, owner.encode())
        )

    def open(self, sealed: bytes, owner: str) -> bytes:
        """Decrypt what `seal` made for the same `owner`; raises Unsealable otherwise."""
        name = self.key_id(sealed)
        if name not in self.keys:
            raise Unsealable("the key it was sealed with is not in the key ring")
        start = 2 + len(name.encode())
        nonce, text = sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :]
        try:
            return AESGCM(self.keys[name]).decrypt(nonce, text, owner.encode())
        except (InvalidTag, ValueError) as error:
            raise Unsealable("it was changed, or sealed for another row") from error

    def derive(self, purpose: str, name: str | None = None) -> bytes:
        """A 32-byte key for one `purpose` (HKDF, RFC 5869), from the key of that name or else from
        the active one, with which it changes."""
        derivation = HKDF(hashes.SHA256(), 32, salt=None, info=purpose.encode())
        return derivation.derive(self.keys[name or self.active])

    def key_id(self, sealed: bytes) -> str:
        """Name of the key a value was sealed with; raises Unsealable if it is no sealed value."""
        if len(sealed) < 2 or sealed[0] != _VERSION:
            raise Unsealable("it is not a sealed value")
        return sealed[2 : 2 + sealed[1]].decode(errors="replace")
