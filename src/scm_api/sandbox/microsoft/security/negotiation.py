"""SPNEGO (RFC 4178, MS-SPNG) around the mechanisms, or a mechanism by itself."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from asn1crypto import core

from scm_api.sandbox.microsoft.domain import Account
from scm_api.sandbox.microsoft.security.contexts import Acceptor, LogonError, MessageSecurity
from scm_api.sandbox.microsoft.security.ntlm import SIGNATURE

NTLM: Final = "1.3.6.1.4.1.311.2.2.10"
KERBEROS: Final = ("1.2.840.48018.1.2.2", "1.2.840.113554.1.2.2")
_SPNEGO: Final = "1.3.6.1.5.5.2"
_MOST_TOKENS: Final = 8


class _MechanismList(core.SequenceOf):  # type: ignore[misc]  # asn1crypto has no types
    _child_spec = core.ObjectIdentifier


class _Init(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [  # noqa: RUF012 -- how asn1crypto is told
        ("mechanisms", _MechanismList, {"explicit": 0}),
        ("flags", core.BitString, {"explicit": 1, "optional": True}),
        ("token", core.OctetString, {"explicit": 2, "optional": True}),
        ("mic", core.Any, {"explicit": 3, "optional": True}),
    ]


class _State(core.Enumerated):  # type: ignore[misc]  # asn1crypto has no types
    _map = {0: "complete", 1: "incomplete", 2: "reject", 3: "request_mic"}  # noqa: RUF012 -- how asn1crypto is told


class _Response(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [  # noqa: RUF012 -- how asn1crypto is told
        ("state", _State, {"explicit": 0, "optional": True}),
        ("mechanism", core.ObjectIdentifier, {"explicit": 1, "optional": True}),
        ("token", core.OctetString, {"explicit": 2, "optional": True}),
        ("mic", core.OctetString, {"explicit": 3, "optional": True}),
    ]


class _Token(core.Choice):  # type: ignore[misc]  # asn1crypto has no types
    _alternatives = [  # noqa: RUF012 -- how asn1crypto is told
        ("init", _Init, {"explicit": 0}),
        ("response", _Response, {"explicit": 1}),
    ]


class _Initial(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    """The framing of the first token, RFC 2743 3.1: [APPLICATION 0] IMPLICIT SEQUENCE."""

    class_ = 1
    tag = 0
    _fields = [("mechanism", core.ObjectIdentifier), ("inner", _Token)]  # noqa: RUF012 -- how asn1crypto is told


class NegotiateAcceptor:
    """Lets the caller choose among `mechanisms` (by OID). NTLM without SPNEGO passes as well."""

    def __init__(self, mechanisms: Mapping[str, Callable[[], Acceptor]]) -> None:
        self._mechanisms = mechanisms
        self._inner: Acceptor | None = None
        self._offered: _MechanismList | None = None
        self._is_bare = False
        self._mic_is_due = False
        self._tokens = 0
        self.account: Account | None = None

    @property
    def security(self) -> MessageSecurity | None:
        return self._inner.security if self.account and self._inner else None

    @property
    def wants_protection(self) -> bool:
        return self._inner is not None and self._inner.wants_protection

    def step(self, token: bytes) -> bytes:
        """The next token for the caller. Raises LogonError."""
        self._tokens += 1
        if self.account or self._tokens > _MOST_TOKENS:
            raise LogonError("80090308", "The negotiation goes on for too long")
        if self._is_bare or (self._inner is None and token.startswith(SIGNATURE)):
            return self._bare(token)
        try:
            if self._inner is None:
                initial = _Initial.load(token, strict=True)
                if initial["mechanism"].native != _SPNEGO:
                    raise LogonError("80090308", "The token is neither SPNEGO nor NTLM")
                return self._first(initial["inner"].chosen)
            return self._next(_Token.load(token, strict=True).chosen)
        except (ValueError, TypeError, KeyError):
            raise LogonError("80090308", "The token is not SPNEGO") from None

    def _bare(self, token: bytes) -> bytes:
        if not self._is_bare:
            self._is_bare = True
            self._inner = self._mechanism(NTLM)
        assert self._inner is not None
        answer = self._inner.step(token)
        self.account = self._inner.account
        return answer

    def _mechanism(self, oid: str) -> Acceptor:
        if oid not in self._mechanisms:
            raise LogonError("80090302", "The mechanism is not offered here")
        return self._mechanisms[oid]()

    def _first(self, init: Any) -> bytes:
        if not isinstance(init, _Init):
            raise LogonError("80090308", "The negotiation begins with an answer")
        self._offered = init["mechanisms"]
        preferred = [each for each in self._offered.native if each in self._mechanisms]
        if not preferred:
            raise LogonError("80090302", "No mechanism of the caller is offered here")
        self._inner = self._mechanism(preferred[0])
        self._mic_is_due = preferred[0] != self._offered.native[0]
        optimistic = None if self._mic_is_due else init["token"].native
        return self._answer(optimistic, None, chosen=preferred[0])

    def _next(self, response: Any) -> bytes:
        if not isinstance(response, _Response):
            raise LogonError("80090308", "The negotiation begins a second time")
        return self._answer(response["token"].native, response["mic"].native)

    def _answer(self, token: bytes | None, mic: bytes | None, chosen: str | None = None) -> bytes:
        assert self._inner is not None
        answer = self._inner.step(token) if token else b""
        response: dict[str, Any] = {"state": "incomplete"}
        if chosen:
            response["mechanism"] = chosen
        if answer:
            response["token"] = answer
        if self._inner.account:
            our_mic = self._exchange_mics(mic)
            if our_mic:
                response["mic"] = our_mic
            response["state"] = "complete"
            self.account = self._inner.account
        elif self._mic_is_due and chosen:
            response["state"] = "request_mic"
        return bytes(_Token("response", _Response(response)).dump())

    def _exchange_mics(self, mic: bytes | None) -> bytes | None:
        """Without a MIC the list of mechanisms might have been altered on its way."""
        security = self._inner.security if self._inner else None
        if security is None:
            return None
        if mic is None:
            if self._mic_is_due:
                raise LogonError("8009030f", "The list of mechanisms is not signed")
            return None
        assert self._offered is not None
        listed = self._offered.untag().dump(force=False)
        security.check_mechanisms(listed, mic)
        return security.sign_mechanisms(listed)
