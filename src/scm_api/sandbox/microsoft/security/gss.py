"""Kerberos for RPC (MS-RPCE 3.3.1.5.2, MS-KILE): DCE style, with messages protected in parts."""

from typing import Any, Final

from scm_api.sandbox.microsoft.domain import Account
from scm_api.sandbox.microsoft.kerberos import Keytab, owner_of
from scm_api.sandbox.microsoft.security.contexts import DomainSource, LogonError

_PROTECTION: Final = 0x30  # GSS_C_CONF_FLAG, GSS_C_INTEG_FLAG
_AP_REQ: Final = bytes.fromhex("06092a864886f7120102020100")
"""The object identifier of Kerberos, and the mark of an AP-REQ."""
_ALTERED: Final = "The message was altered or is out of sequence"


class GssSecurity:
    """Protects with an established context. Headers are covered only where that was agreed."""

    always_covers_headers = False

    def __init__(self, gssapi: Any, context: Any) -> None:
        self._raw = gssapi.raw
        self._context = context
        self._error = gssapi.exceptions.GSSError

    def signature_size(self, *, is_sealed: bool) -> int:
        """Of AES keys; the signature of messages that are not sealed is a MIC (RFC 4121)."""
        if not is_sealed:
            return _mic_size(self._context, self._raw)
        parts = self._parts(b"", bytes(16), b"")
        self._raw.wrap_iov_length(self._context, parts, confidential=True)
        return len(parts[0].value)

    def protect(self, message: bytes, start: int, end: int) -> tuple[bytes, bytes]:
        if start == end:
            return message, bytes(self._context.get_signature(message))
        parts = self._parts(message[:start], message[start:end], message[end:])
        self._raw.wrap_iov(self._context, parts, confidential=True)
        sealed = next(each for each in parts if each.type == self._raw.IOVBufferType.data).value
        return message[:start] + sealed + message[end:], bytes(parts[0].value)

    def unprotect(self, message: bytes, start: int, end: int, signature: bytes) -> bytes:
        try:
            if start == end:
                self._context.verify_signature(message, signature)
                return message
            parts = self._parts(message[:start], message[start:end], message[end:], signature)
            self._raw.unwrap_iov(self._context, parts)
        except self._error as error:
            raise LogonError("8009030f", _ALTERED) from error
        clear = next(each for each in parts if each.type == self._raw.IOVBufferType.data).value
        return message[:start] + bytes(clear) + message[end:]

    def check_mechanisms(self, mechanisms: bytes, mic: bytes) -> None:
        self.unprotect(mechanisms, 0, 0, mic)

    def sign_mechanisms(self, mechanisms: bytes) -> bytes:
        return self.protect(mechanisms, 0, 0)[1]

    def _parts(self, head: bytes, sealed: bytes, tail: bytes, signature: bytes = b"") -> Any:
        """The header first, then what is signed only around what is sealed."""
        kinds = self._raw.IOVBufferType
        header = (kinds.header, False, signature) if signature else (kinds.header, True)
        parts: list[Any] = [header]
        if head:
            parts.append((kinds.sign_only, False, head))
        parts.append((kinds.data, False, sealed))
        if tail:
            parts.append((kinds.sign_only, False, tail))
        return self._raw.IOV(*parts, std_layout=False)


class DceKerberosAcceptor:
    """One logon with a ticket: AP-REQ, AP-REP, and the AP-REP of the caller."""

    def __init__(self, domain_source: DomainSource, keytab: Keytab) -> None:
        self._domain_source = domain_source
        self._gssapi = keytab.gssapi
        self._context = keytab.gssapi.SecurityContext(creds=keytab.credentials, usage="accept")
        self.account: Account | None = None
        self.security: GssSecurity | None = None
        self.wants_protection = False

    def step(self, token: bytes) -> bytes:
        """The next token for the caller. Raises LogonError."""
        try:
            answer = bytes(self._context.step(_unframed(token)) or b"")
            is_complete = self._context.complete  # raises what `step` put off for an error token
        except self._gssapi.exceptions.GSSError as error:
            raise LogonError("80090308", f"Kerberos: {error}") from error
        if is_complete:
            self.account = owner_of(self._domain_source(), str(self._context.initiator_name))
            self.wants_protection = bool(int(self._context.actual_flags) & _PROTECTION)
            self.security = GssSecurity(self._gssapi, self._context)
        return answer


def _unframed(token: bytes) -> bytes:
    """An AP-REQ out of the framing of RFC 4121 4.1: Windows takes both, MIT in DCE style the bare
    one only."""
    at = token[:20].find(_AP_REQ)
    return token[at + len(_AP_REQ) :] if token[:1] == b"\x60" and at > 0 else token


def _mic_size(context: Any, raw: Any) -> int:
    kinds = raw.IOVBufferType
    parts = raw.IOV((kinds.data, False, bytes(16)), (kinds.mic_token, True), std_layout=False)
    raw.get_mic_iov_length(context, parts)
    return len(parts[1].value)
