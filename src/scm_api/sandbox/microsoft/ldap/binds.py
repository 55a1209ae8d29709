"""Binds: simple, SASL and Sicily, and what AD says to those it does not let in."""

from collections.abc import Callable
from typing import Final

from scm_api.sandbox.microsoft.domain import Account, Domain
from scm_api.sandbox.microsoft.kerberos import KerberosAcceptor, Tickets
from scm_api.sandbox.microsoft.ldap.ber import encode
from scm_api.sandbox.microsoft.ldap.messages import BIND_RESPONSE, BindRequest, Code, Result
from scm_api.sandbox.microsoft.ldap.names import parse_name
from scm_api.sandbox.microsoft.ldap.settings import LdapBehaviour
from scm_api.sandbox.microsoft.security.contexts import (
    Acceptor,
    DomainSource,
    LogonError,
    MessageSecurity,
)
from scm_api.sandbox.microsoft.security.negotiation import KERBEROS, NTLM, NegotiateAcceptor
from scm_api.sandbox.microsoft.security.ntlm import NtlmAcceptor

_SICILY_DISCOVERY, _SICILY_NEGOTIATE = 0x89, 0x8A
_SERVER_CREDENTIALS: Final = 0x87
_DATA: Final = {
    "c000006a": "52e",
    "c000006d": "52e",
    "c0000064": "525",
    "c0000072": "533",
}
"""Win32 codes in hex: wrong password, no such user, disabled account."""
_NEEDS_SIGNING: Final = Result(
    Code.STRONGER_AUTH_REQUIRED,
    "00002028: LdapErr: DSID-0C090259, comment: The server requires binds to turn on integrity "
    "checking if SSL\\TLS are not already active on the connection, data 0, v4563",
)
_NO_LAYER_ON_TLS: Final = Result(
    Code.UNWILLING_TO_PERFORM,
    "00002029: LdapErr: DSID-0C09057D, comment: Cannot start kerberos signing/sealing when using "
    "TLS/SSL, data 0, v4563",
)


class Binder:
    """Who is bound on one connection.

    `bindings` are those of its TLS channel, None in clear; `layer` protects what follows a SASL
    bind that asked for it.
    """

    def __init__(
        self,
        domain_source: DomainSource,
        dns_host_name: str,
        behaviour: Callable[[], LdapBehaviour],
        bindings: bytes | None,
        tickets: Tickets | None = None,
    ) -> None:
        self._domain_source = domain_source
        self._dns_host_name = dns_host_name
        self._behaviour = behaviour
        self._bindings = bindings
        self._tickets = tickets
        self._acceptor: Acceptor | None = None
        self.account: Account | None = None
        self.layer: MessageSecurity | None = None

    @property
    def mechanisms(self) -> list[str]:
        """supportedSASLMechanisms."""
        return ["GSS-SPNEGO"] if self._offered() else []

    def bind(self, request: BindRequest) -> bytes:
        """The answer. Whoever fails is bound as nobody."""
        self.account = None
        if request.version != 3:
            return Result(Code.PROTOCOL_ERROR, "only LDAPv3 is spoken here").encode(BIND_RESPONSE)
        try:
            match request.method:
                case 0x80:
                    return self._simple(request).encode(BIND_RESPONSE)
                case 0xA3:
                    return self._sasl(request)
                case 0x89 | 0x8A | 0x8B if self._behaviour().allows_ntlm:
                    return self._sicily(request)
        except LogonError as error:
            self._acceptor = None
            return _refused(error).encode(BIND_RESPONSE)
        return Result(Code.AUTH_METHOD_NOT_SUPPORTED).encode(BIND_RESPONSE)

    def _simple(self, request: BindRequest) -> Result:
        """A name without a password is bound as nobody, and that succeeds (RFC 4513 5.1.2)."""
        self._acceptor = None
        if not request.credentials:
            return Result(Code.SUCCESS)
        if self._bindings is None and self._behaviour().requires_signing:
            return _NEEDS_SIGNING
        account = _named(self._domain_source(), request.name)
        if account is None:
            raise LogonError("c0000064", "The account is not known")
        if request.credentials != account.password.encode():
            raise LogonError("c000006a", "The password is wrong")
        if account.disabled:
            raise LogonError("c0000072", "The account is disabled")
        self.account = account
        return Result(Code.SUCCESS)

    def _sasl(self, request: BindRequest) -> bytes:
        if request.mechanism not in self.mechanisms:
            return Result(
                Code.AUTH_METHOD_NOT_SUPPORTED,
                "00002027: LdapErr: DSID-0C0905ED, comment: Invalid Authentication method, "
                "data 0, v4563",
            ).encode(BIND_RESPONSE)
        if self._acceptor is None:
            self._acceptor = NegotiateAcceptor(self._offered())
        answer = self._acceptor.step(request.credentials)
        more = encode(_SERVER_CREDENTIALS, answer) if answer else b""
        if self._acceptor.account is None:
            return Result(Code.SASL_BIND_IN_PROGRESS).encode(BIND_RESPONSE, more)
        return self._finished(self._acceptor).encode(BIND_RESPONSE, more)

    def _sicily(self, request: BindRequest) -> bytes:
        """NTLM by itself; tokens of the server are in the place of matchedDN."""
        if request.method == _SICILY_DISCOVERY:
            return Result(Code.SUCCESS, matched=b"NTLM").encode(BIND_RESPONSE)
        if request.method == _SICILY_NEGOTIATE:
            self._acceptor = self._ntlm()
        if self._acceptor is None:
            raise LogonError("80090308", "An answer to no challenge")
        answer = self._acceptor.step(request.credentials)
        if self._acceptor.account is None:
            return Result(Code.SUCCESS, matched=answer).encode(BIND_RESPONSE)
        return self._finished(self._acceptor).encode(BIND_RESPONSE)

    def _finished(self, acceptor: Acceptor) -> Result:
        """A SASL layer and TLS exclude each other (MS-ADTS 5.1.1.1.2)."""
        self._acceptor = None
        is_on_tls = self._bindings is not None
        if acceptor.wants_protection and is_on_tls and not self._behaviour().takes_layers_on_tls:
            return _NO_LAYER_ON_TLS
        if not acceptor.wants_protection and not is_on_tls and self._behaviour().requires_signing:
            return _NEEDS_SIGNING
        self.account = acceptor.account
        if acceptor.wants_protection:
            self.layer = acceptor.security
        return Result(Code.SUCCESS)

    def _offered(self) -> dict[str, Callable[[], Acceptor]]:
        """Mechanisms; Kerberos brings no layer here, so it is taken over TLS only."""
        offered: dict[str, Callable[[], Acceptor]] = {}
        tickets, bindings = self._tickets, self._bindings
        if tickets is not None and bindings is not None:
            policy = self._behaviour().channel_binding

            def kerberos() -> Acceptor:
                return KerberosAcceptor(self._domain_source, tickets, bindings, policy)

            offered |= dict.fromkeys(KERBEROS, kerberos)
        if self._behaviour().allows_ntlm:
            offered[NTLM] = self._ntlm
        return offered

    def _ntlm(self) -> Acceptor:
        return NtlmAcceptor(
            self._domain_source,
            self._dns_host_name,
            bindings=self._bindings,
            policy=self._behaviour().channel_binding,
        )


def _named(domain: Domain, name: str) -> Account | None:
    """By DN, UPN, `sam@realm` or `DOMAIN\\sam`, not by SAM alone (MS-ADTS 5.1.1.1.1)."""
    if "=" in name:
        try:
            dn = parse_name(name)
        except ValueError:
            return None
        found = (each for each in domain.accounts if parse_name(each.distinguished_name) == dn)
        return next(found, None)
    wanted = name.casefold()
    for each in domain.accounts:
        names = (each.upn, f"{each.sam}@{domain.realm}", f"{domain.netbios}\\{each.sam}")
        if wanted in (one.casefold() for one in names if one):
            return each
    return None


def _refused(error: LogonError) -> Result:
    data = _DATA.get(error.status, error.status)
    return Result(
        Code.INVALID_CREDENTIALS,
        "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, "
        f"data {data}, v4563",
    )
