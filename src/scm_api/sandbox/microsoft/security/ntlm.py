"""An NTLMv2 acceptor (MS-NLMP) that verifies what the client sent, byte for byte."""

import hashlib
import hmac
import secrets
import struct
import time
from dataclasses import dataclass
from typing import Final

from scm_api.sandbox.microsoft.domain import Account, Domain
from scm_api.sandbox.microsoft.security.contexts import ChannelBinding, DomainSource, LogonError
from scm_api.sandbox.microsoft.security.hashing import Rc4, md4
from scm_api.sandbox.microsoft.security.sealing import (
    KEY_56,
    KEY_128,
    KEY_EXCHANGE,
    SIGN,
    NtlmSecurity,
)

SIGNATURE: Final = b"NTLMSSP\x00"
_UNICODE, _OEM, _REQUEST_TARGET, _SEAL, _NTLM = 0x1, 0x2, 0x4, 0x20, 0x200
_ALWAYS_SIGN, _TARGET_IS_DOMAIN, _EXTENDED = 0x8000, 0x10000, 0x80000
_TARGET_INFO, _VERSION = 0x800000, 0x2000000
_CLIENT_MAY: Final = SIGN | _SEAL | _ALWAYS_SIGN | _VERSION | KEY_128 | KEY_EXCHANGE | KEY_56
_WE_SET: Final = _REQUEST_TARGET | _NTLM | _TARGET_IS_DOMAIN | _EXTENDED | _TARGET_INFO
_SERVER_2022: Final = struct.pack("<BBHxxxB", 10, 0, 20348, 15)
_EPOCH_1601: Final = 11_644_473_600
_AV_END, _AV_FLAGS, _AV_BINDINGS = 0, 6, 10
_MIC_IS_THERE: Final = 2
_MIC_AT: Final = slice(72, 88)
_LOGON_FAILURE: Final = "c000006d"


@dataclass(frozen=True, slots=True)
class _Authenticate:
    response: bytes
    domain: str
    user: str
    encrypted_key: bytes
    flags: int


class NtlmAcceptor:
    """One NTLM logon on `computer` (NetBIOS name, DNS name).

    `bindings` are the channel's application data ("tls-server-end-point:..."), if it has one.
    """

    def __init__(
        self,
        domain_source: DomainSource,
        dns_host_name: str,
        *,
        bindings: bytes | None = None,
        policy: ChannelBinding = "none",
    ) -> None:
        self._domain_source = domain_source
        self._dns_host_name = dns_host_name
        self._bindings = bindings
        self._policy = policy
        self._challenge = secrets.token_bytes(8)
        self._exchanged: list[bytes] = []
        self.account: Account | None = None
        self.security: NtlmSecurity | None = None
        self.wants_protection = False

    def step(self, token: bytes) -> bytes:
        """CHALLENGE for NEGOTIATE, nothing for a good AUTHENTICATE. Raises LogonError."""
        if self.account or len(token) < 12 or not token.startswith(SIGNATURE):
            raise LogonError("80090308", "The token is not the next message of NTLM")
        kind = int.from_bytes(token[8:12], "little")
        if (kind, len(self._exchanged)) == (1, 0):
            challenge = self._challenge_message(_flags(token, 12))
            self._exchanged = [token, challenge]
            return challenge
        if (kind, len(self._exchanged)) == (3, 2):
            self._accept(token)
            return b""
        raise LogonError("80090308", "The token is not the next message of NTLM")

    def _challenge_message(self, wanted: int) -> bytes:
        if not wanted & (_UNICODE | _OEM) or not wanted & _EXTENDED:
            raise LogonError("80090302", "NTLM without character set or extended session security")
        domain = self._domain_source()
        target = domain.netbios.encode(_encoding(wanted))
        info = self._target_info(domain)
        charset = _UNICODE if wanted & _UNICODE else _OEM
        flags = _WE_SET | charset | (wanted & _CLIENT_MAY)
        return b"".join(
            (
                SIGNATURE,
                struct.pack("<IHHI", 2, len(target), len(target), 56),
                struct.pack("<I8s8x", flags, self._challenge),
                struct.pack("<HHI", len(info), len(info), 56 + len(target)),
                _SERVER_2022,
                target,
                info,
            )
        )

    def _target_info(self, domain: Domain) -> bytes:
        realm = domain.realm.lower()
        computer = self._dns_host_name.partition(".")[0].upper()[:15]
        names = (
            (2, domain.netbios),
            (1, computer),
            (4, realm),
            (3, self._dns_host_name),
            (5, realm),
        )
        pairs = [(kind, name.encode("utf-16-le")) for kind, name in names]
        pairs.append((7, struct.pack("<Q", int((time.time() + _EPOCH_1601) * 10**7))))
        pairs.append((_AV_END, b""))
        return b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in pairs)

    def _accept(self, token: bytes) -> None:
        message = _authenticate(token)
        account = _account(self._domain_source(), message)
        proof, blob = message.response[:16], message.response[16:]
        # With the name as the client wrote it, in upper case, and the domain as it wrote it.
        named = (message.user.upper() + message.domain).encode("utf-16-le")
        key = hmac.digest(md4(account.password.encode("utf-16-le")), named, "md5")
        if not hmac.compare_digest(hmac.digest(key, self._challenge + blob, "md5"), proof):
            raise LogonError("c000006a", "The password is wrong")
        session_key = hmac.digest(key, proof, "md5")
        if _exchanges_key(message.flags):
            session_key = Rc4(session_key)(message.encrypted_key)
        pairs = _av_pairs(blob[28:])
        self._check_integrity(token, pairs, session_key)
        self._check_bindings(pairs)
        if account.disabled:
            raise LogonError("c0000072", "The account is disabled")
        self.account = account
        self.wants_protection = bool(message.flags & (SIGN | _SEAL))
        self.security = NtlmSecurity(message.flags, session_key)

    def _check_integrity(self, token: bytes, pairs: dict[int, bytes], session_key: bytes) -> None:
        if not int.from_bytes(pairs.get(_AV_FLAGS, b""), "little") & _MIC_IS_THERE:
            return
        unsigned = token[: _MIC_AT.start] + bytes(16) + token[_MIC_AT.stop :]
        expected = hmac.digest(session_key, b"".join((*self._exchanged, unsigned)), "md5")
        if not hmac.compare_digest(expected, token[_MIC_AT]):
            raise LogonError("8009030f", "The integrity code of the exchange is wrong")

    def _check_bindings(self, pairs: dict[int, bytes]) -> None:
        """All zeros are what a client without a channel says: as if it had sent none."""
        if self._policy == "none" or self._bindings is None:
            return
        sent = pairs.get(_AV_BINDINGS, bytes(16))
        if not any(sent):
            if self._policy == "required":
                raise LogonError("80090346", "Channel bindings are required and were not sent")
            return
        # gss_channel_bindings_struct with no addresses, as RFC 4121 4.1.1.2 lays it out.
        laid_out = bytes(16) + struct.pack("<I", len(self._bindings)) + self._bindings
        if sent != hashlib.md5(laid_out, usedforsecurity=False).digest():
            raise LogonError("80090346", "The channel bindings are of another channel")


def _authenticate(token: bytes) -> _Authenticate:
    flags = _flags(token, 60)
    _, response, domain, user, _, key = (_field(token, 12 + 8 * each) for each in range(6))
    if not flags & _EXTENDED:
        raise LogonError("80090302", "NTLM without extended session security")
    if _exchanges_key(flags) and len(key) != 16:
        raise LogonError("80090308", "The session key is not 16 bytes")
    try:
        names = domain.decode(_encoding(flags)), user.decode(_encoding(flags))
    except UnicodeDecodeError:
        raise LogonError("80090308", "A name is not in the character set agreed on") from None
    return _Authenticate(response, *names, key, flags)


def _encoding(flags: int) -> str:
    """Of names that stand outside of AV pairs; curl asks for OEM."""
    return "utf-16-le" if flags & _UNICODE else "cp437"


def _exchanges_key(flags: int) -> bool:
    """A key is sent only if something is to be protected with it (MS-NLMP 3.2.5.1.2)."""
    return bool(flags & KEY_EXCHANGE and flags & (SIGN | _SEAL))


def _account(domain: Domain, message: _Authenticate) -> Account:
    if not message.user:
        raise LogonError(_LOGON_FAILURE, "Anonymous callers are not let in")
    if len(message.response) < 16 + 28:
        raise LogonError(_LOGON_FAILURE, "NTLMv1 is not taken")
    local = ("", domain.netbios.casefold(), domain.realm.casefold())
    if message.domain.casefold() not in local:
        raise LogonError("c0000064", "The domain is not known")
    user = message.user.casefold()
    name, _, suffix = user.partition("@")
    for each in domain.accounts:
        implicit = suffix == domain.realm.casefold() and each.sam.casefold() == name
        if each.sam.casefold() == user or (each.upn or "").casefold() == user or implicit:
            return each
    raise LogonError("c0000064", "The account is not known")


def _flags(token: bytes, offset: int) -> int:
    if len(token) < offset + 4:
        raise LogonError("80090308", "The message of NTLM is too short")
    return int.from_bytes(token[offset : offset + 4], "little")


def _field(token: bytes, at: int) -> bytes:
    length, _, offset = struct.unpack_from("<HHI", token, at)
    if offset + length > len(token):
        raise LogonError("80090308", "A field of NTLM lies outside of its message")
    return token[offset : offset + length]


def _av_pairs(content: bytes) -> dict[int, bytes]:
    pairs: dict[int, bytes] = {}
    position = 0
    while position + 4 <= len(content):
        kind, length = struct.unpack_from("<HH", content, position)
        if kind == _AV_END:
            break
        position += 4
        pairs[kind] = content[position : position + length]
        position += length
    return pairs
