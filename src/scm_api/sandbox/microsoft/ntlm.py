"""The server's side of NTLMv2 (MS-NLMP), which judges what really came over the wire.

pyspnego's own acceptor encodes the AV pairs anew before it checks the proof, and takes an all-zero
channel binding hash for a right one; Windows does neither.
"""

import hashlib
import hmac
import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher
from spnego._ntlm_raw.crypto import ntowfv1

SIGNATURE: Final = b"NTLMSSP\0"
_UNICODE, _TARGET, _SIGN, _SEAL, _NTLM = 0x1, 0x4, 0x10, 0x20, 0x200
_ALWAYS_SIGN, _TARGET_DOMAIN, _EXTENDED, _TARGET_INFO = 0x8000, 0x10000, 0x80000, 0x800000
_VERSION, _128, _KEY_EXCHANGE, _56 = 0x2000000, 0x20000000, 0x40000000, 0x80000000
_OFFERED: Final = (
    _UNICODE | _SIGN | _SEAL | _NTLM | _ALWAYS_SIGN | _EXTENDED | _VERSION | _128 | _KEY_EXCHANGE
    | _56
)  # fmt: skip
_WINDOWS_2022: Final = struct.pack("<BBHBBBB", 10, 0, 20348, 0, 0, 0, 15)
_AV_COMPUTER, _AV_DOMAIN, _AV_DNS_COMPUTER, _AV_DNS_DOMAIN, _AV_DNS_FOREST = 1, 2, 3, 4, 5
_AV_FLAGS, _AV_TIMESTAMP, _AV_BINDINGS = 6, 7, 10
_HAS_MIC: Final = 0x2
_EPOCH: Final = 116_444_736_000_000_000
"""1970 in 100 ns since 1601."""
_TO_CLIENT: Final = b"session key to server-to-client %s key magic constant\0"
_TO_SERVER: Final = b"session key to client-to-server %s key magic constant\0"


class NotAuthenticated(Exception):
    """The token does not prove who its sender is. `reason` is for our records, never for them."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Place:
    """Who the server says it is."""

    netbios_domain: str
    dns_domain: str
    host: str


@dataclass(frozen=True, slots=True)
class Proven:
    """Who the client is, and what its token said of the channel: None without bindings."""

    user: str
    domain: str
    bindings: bytes | None
    session_key: bytes


class NtlmAcceptor:
    """One exchange: `challenge` for the first message, `prove` for the last."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._negotiate = b""
        self._challenge = b""
        self._nonce = os.urandom(8)

    def challenge(self, negotiate: bytes) -> bytes:
        """The CHALLENGE_MESSAGE. Raises NotAuthenticated for what is no NEGOTIATE_MESSAGE."""
        if negotiate[:12] != SIGNATURE + b"\1\0\0\0" or len(negotiate) < 16:
            raise NotAuthenticated("no NTLM negotiate message")
        (asked,) = struct.unpack_from("<I", negotiate, 12)
        flags = (asked & _OFFERED) | _UNICODE | _NTLM | _TARGET | _TARGET_DOMAIN | _TARGET_INFO
        name = self._place.netbios_domain.encode("utf-16-le")
        info = self._target_info()
        offset = 56
        header = SIGNATURE + struct.pack("<IHHII", 2, len(name), len(name), offset, flags)
        fields = struct.pack("<HHI", len(info), len(info), offset + len(name))
        self._negotiate = negotiate
        self._challenge = header + self._nonce + bytes(8) + fields + _WINDOWS_2022 + name + info
        return self._challenge

    def prove(self, message: bytes, password_of: Callable[[str, str], str | None]) -> Proven:
        """Who sent the AUTHENTICATE_MESSAGE. Raises NotAuthenticated."""
        try:
            return self._prove(message, password_of)
        except (struct.error, UnicodeDecodeError, IndexError) as error:
            raise NotAuthenticated("malformed NTLM authenticate message") from error

    def _prove(self, message: bytes, password_of: Callable[[str, str], str | None]) -> Proven:
        if message[:12] != SIGNATURE + b"\3\0\0\0" or not self._challenge:
            raise NotAuthenticated("no NTLM authenticate message")
        response, domain, user = (_field(message, at) for at in (20, 28, 36))
        user_name, domain_name = user.decode("utf-16-le"), domain.decode("utf-16-le")
        if len(response) <= 24:
            raise NotAuthenticated("NTLMv1 or anonymous")
        password = password_of(domain_name, user_name)
        if password is None:
            raise NotAuthenticated(f"no account {domain_name}\\{user_name}")
        who = user_name.upper().encode("utf-16-le") + domain
        key = _hmac(ntowfv1(password), who)
        proof, blob = response[:16], response[16:]
        if not hmac.compare_digest(proof, _hmac(key, self._nonce + blob)):
            raise NotAuthenticated(f"wrong password of {domain_name}\\{user_name}")
        pairs = _pairs(blob[28:])
        session_key = self._session_key(message, _hmac(key, proof))
        if struct.unpack("<I", pairs.get(_AV_FLAGS, bytes(4)))[0] & _HAS_MIC:
            self._check_mic(message, session_key)
        return Proven(user_name, domain_name, pairs.get(_AV_BINDINGS), session_key)

    def _check_mic(self, message: bytes, session_key: bytes) -> None:
        whole = message[:72] + bytes(16) + message[88:]
        mic = _hmac(session_key, self._negotiate + self._challenge + whole)
        if not hmac.compare_digest(mic, message[72:88]):
            raise NotAuthenticated("wrong MIC")

    def _session_key(self, message: bytes, base: bytes) -> bytes:
        (flags,) = struct.unpack_from("<I", message, 60)
        if flags & _KEY_EXCHANGE and flags & (_SIGN | _SEAL):
            return _rc4(base, _field(message, 52))
        return base

    def _target_info(self) -> bytes:
        place = self._place
        computer = place.host.partition(".")[0].upper()
        now = int(time.time() * 10_000_000) + _EPOCH
        pairs = (
            (_AV_DOMAIN, place.netbios_domain.encode("utf-16-le")),
            (_AV_COMPUTER, computer.encode("utf-16-le")),
            (_AV_DNS_DOMAIN, place.dns_domain.encode("utf-16-le")),
            (_AV_DNS_COMPUTER, place.host.encode("utf-16-le")),
            (_AV_DNS_FOREST, place.dns_domain.encode("utf-16-le")),
            (_AV_TIMESTAMP, struct.pack("<Q", now)),
            (0, b""),
        )
        return b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in pairs)


def mech_list_mic(session_key: bytes, mechanisms: bytes, *, from_client: bool) -> bytes:
    """The mechListMIC of SPNEGO: GSS_GetMIC of the first message, with key exchange."""
    magic = _TO_SERVER if from_client else _TO_CLIENT
    signing = hashlib.md5(session_key + magic % b"signing", usedforsecurity=False).digest()
    sealing = hashlib.md5(session_key + magic % b"sealing", usedforsecurity=False).digest()
    sequence = bytes(4)
    checksum = _rc4(sealing, _hmac(signing, sequence + mechanisms)[:8])
    return b"\1\0\0\0" + checksum + sequence


def _field(message: bytes, at: int) -> bytes:
    size, _, offset = struct.unpack_from("<HHI", message, at)
    if offset + size > len(message):
        raise NotAuthenticated("malformed NTLM authenticate message")
    return message[offset : offset + size]


def _pairs(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("<HH", data, at)
        if kind == 0:
            break
        found[kind] = data[at + 4 : at + 4 + size]
        at += 4 + size
    return found


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, "md5").digest()


def _rc4(key: bytes, data: bytes) -> bytes:
    return Cipher(ARC4(key), mode=None).encryptor().update(data)
