"""Who calls, as IIS and WinRM find out: per TCP connection for NTLM, with channel bindings."""

import base64
import hashlib
import itertools
import ssl
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

from aiohttp import web

from scm_api.sandbox.microsoft import negotiation
from scm_api.sandbox.microsoft.catalogue import CA_HOST, DNS_DOMAIN, NETBIOS
from scm_api.sandbox.microsoft.domain import Account
from scm_api.sandbox.microsoft.kerberos import Acceptor
from scm_api.sandbox.microsoft.ntlm import (
    SIGNATURE,
    NotAuthenticated,
    NtlmAcceptor,
    Place,
    mech_list_mic,
)
from scm_api.sandbox.microsoft.settings import Scheme
from scm_api.sandbox.microsoft.simulator import Simulator

_PLACE: Final = Place(NETBIOS, DNS_DOMAIN, CA_HOST)


@dataclass
class Connection:
    """One TCP connection: its number, who it is of, and an exchange that is under way."""

    number: int
    account: Account | None = None
    scheme: str | None = None
    ntlm: NtlmAcceptor | None = None
    offered: bytes = b""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who calls. `headers` go with the answer."""

    account: Account
    scheme: str
    headers: dict[str, str] = field(default_factory=dict)


class Challenge(Exception):
    """401: `tokens` are the values of WWW-Authenticate; `is_leg` in the middle of an exchange.

    `reason` is for our records: IIS answers every failure alike.
    """

    def __init__(self, tokens: list[str], reason: str, *, is_leg: bool = False) -> None:
        super().__init__(reason)
        self.tokens = tokens
        self.reason = reason
        self.is_leg = is_leg


class Gate:
    """Admits requests of one listener, which offers `schemes`; its Basic is of `basic_realm`."""

    def __init__(
        self,
        simulator: Simulator,
        kerberos: Acceptor | None,
        schemes: Callable[[], Sequence[Scheme]],
        basic_realm: str,
    ) -> None:
        self._simulator = simulator
        self._kerberos = kerberos
        self._schemes = schemes
        self._basic_realm = basic_realm
        self._connections: WeakKeyDictionary[ssl.SSLObject, Connection] = WeakKeyDictionary()

    def connection(self, request: web.Request) -> Connection:
        """The state of the connection a request came over."""
        tls = _tls(request)
        found = self._connections.get(tls)
        if found is None:
            found = self._connections[tls] = Connection(next(_NUMBERS))
        return found

    def admit(self, request: web.Request) -> Admitted:
        """Raises Challenge."""
        connection = self.connection(request)
        schemes = self._schemes()
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        offered = next((each for each in schemes if each.lower() == scheme.lower()), None)
        if offered is None or not credentials:
            return self._without_header(request, connection)
        connection.account = None
        try:
            if offered == "Basic":
                return self._basic(credentials)
            token = base64.b64decode(credentials, validate=True)
            if offered == "NTLM":
                return self._ntlm(connection, token, offered, lambda inner: inner)
            return self._negotiate(connection, token)
        except NotAuthenticated as error:
            connection.ntlm = None
            raise Challenge(self._offers(), error.reason) from error
        except ValueError as error:
            connection.ntlm = None
            raise Challenge(self._offers(), "malformed token") from error

    def _without_header(self, request: web.Request, connection: Connection) -> Admitted:
        if connection.account is not None and connection.scheme is not None:
            present = self._simulator.domain.account(connection.account.sam)
            if present is not None and not present.disabled:
                return Admitted(present, connection.scheme)
        if "Certificate" in self._schemes():
            sam = self._certificate_owner(request)
            account = self._simulator.domain.account(sam) if sam else None
            if account is not None and not account.disabled:
                return Admitted(account, "Certificate")
        raise Challenge(self._offers(), "no credentials")

    def _basic(self, credentials: str) -> Admitted:
        name, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        account = self._simulator.domain.account(name)
        if account is None or account.disabled or account.password != password:
            raise NotAuthenticated(f"wrong name or password of {name}")
        return Admitted(account, "Basic")

    def _negotiate(self, connection: Connection, data: bytes) -> Admitted:
        """NTLM or Kerberos, in SPNEGO or bare."""
        if data.startswith(SIGNATURE):
            return self._ntlm(connection, data, "Negotiate", lambda inner: inner)
        try:
            token = negotiation.read(data)
        except ValueError:
            return self._ticket(connection, data)  # a bare Kerberos token
        if token.mechanisms:
            connection.offered = token.offered
            if token.mechanisms[0] in negotiation.KERBEROS and self._kerberos is not None:
                return self._ticket(connection, data)
            if negotiation.NTLM not in token.mechanisms:
                raise NotAuthenticated("no mechanism in common")
            if token.mechanisms[0] != negotiation.NTLM:  # its token is for another mechanism
                again = negotiation.answer(negotiation.REQUEST_MIC, mechanism=negotiation.NTLM)
                raise Challenge([_header("Negotiate", again)], "NTLM chosen", is_leg=True)
        is_first = connection.ntlm is None

        def wrap(inner: bytes) -> bytes:
            mechanism = negotiation.NTLM if is_first else None
            return negotiation.answer(
                negotiation.ACCEPT_INCOMPLETE, mechanism=mechanism, token=inner
            )

        return self._ntlm(connection, token.inner, "Negotiate", wrap, mic=token.mic)

    def _ntlm(
        self,
        connection: Connection,
        token: bytes,
        scheme: str,
        wrap: Callable[[bytes], bytes],
        mic: bytes | None = None,
    ) -> Admitted:
        if connection.ntlm is None or token[8:12] == b"\1\0\0\0":
            connection.ntlm = NtlmAcceptor(_PLACE)
            challenge = wrap(connection.ntlm.challenge(token))
            raise Challenge([_header(scheme, challenge)], "NTLM challenge", is_leg=True)
        acceptor, connection.ntlm = connection.ntlm, None
        proven = acceptor.prove(token, self._password_of)
        self._check_bindings(proven.bindings)
        headers = {}
        if mic is not None:
            expected = mech_list_mic(proven.session_key, connection.offered, from_client=True)
            if mic != expected:
                raise NotAuthenticated("wrong mechListMIC")
            own = mech_list_mic(proven.session_key, connection.offered, from_client=False)
            final = negotiation.answer(negotiation.ACCEPT_COMPLETED, mic=own)
            headers["WWW-Authenticate"] = _header(scheme, final)
        account = self._lookup(proven.domain, proven.user)
        assert account is not None
        shown = "Negotiate (NTLM)" if scheme == "Negotiate" else scheme
        connection.account, connection.scheme = account, shown
        return Admitted(account, shown, headers)

    def _ticket(self, connection: Connection, token: bytes) -> Admitted:
        if self._kerberos is None:
            raise NotAuthenticated("no mechanism in common")
        mode = self._simulator.behaviour.extended_protection
        bindings = b"" if mode == "none" else self._simulator.transport.end_point()
        ticket = self._kerberos(token, bindings)
        if mode == "required" and not ticket.is_bound:
            raise NotAuthenticated("no channel bindings")
        principal, answer = ticket.principal, ticket.answer
        account = self._simulator.domain.account(principal)
        if account is None:
            sam, _, realm = principal.partition("@")
            if realm.casefold() == self._simulator.domain.realm.casefold():
                account = self._simulator.domain.account(sam)
        if account is None or account.disabled:
            raise NotAuthenticated(f"no account for {principal}")
        if self._simulator.behaviour.kerberos_persists:
            connection.account, connection.scheme = account, "Negotiate (Kerberos)"
        headers = {"WWW-Authenticate": _header("Negotiate", answer)} if answer else {}
        return Admitted(account, "Negotiate (Kerberos)", headers)

    def _check_bindings(self, given: bytes | None) -> None:
        """Windows takes all zeros for wrong bindings in both modes (gss-ntlmssp issue 25)."""
        mode = self._simulator.behaviour.extended_protection
        if mode == "none" or (mode == "supported" and given is None):
            return
        if given is None:
            raise NotAuthenticated("no channel bindings")
        if given != _bindings_hash(self._simulator.transport.end_point()):
            raise NotAuthenticated("wrong channel bindings")

    def _password_of(self, domain: str, user: str) -> str | None:
        account = self._lookup(domain, user)
        return None if account is None or account.disabled else account.password

    def _lookup(self, domain: str, user: str) -> Account | None:
        """By NetBIOS or DNS name of the domain, or by UPN with none."""
        known = self._simulator.domain
        if domain and domain.casefold() not in (known.netbios.casefold(), known.realm.casefold()):
            return None
        return known.account(user)

    def _certificate_owner(self, request: web.Request) -> str | None:
        der = _tls(request).getpeercert(binary_form=True)
        return self._simulator.transport.owner(der) if der else None

    def _offers(self) -> list[str]:
        schemes = [each for each in self._schemes() if each != "Certificate"]
        named = {"Basic": f'Basic realm="{self._basic_realm}"'}
        return [named.get(each, each) for each in schemes]


def _tls(request: web.Request) -> ssl.SSLObject:
    """What lives as long as the TCP connection of a request."""
    if request.transport is None:
        raise ConnectionResetError
    connection: ssl.SSLObject = request.transport.get_extra_info("ssl_object")
    return connection


def _header(scheme: str, token: bytes) -> str:
    return f"{scheme} {base64.b64encode(token).decode()}"


def _bindings_hash(application_data: bytes) -> bytes:
    """MD5 of gss_channel_bindings_struct without addresses (MS-NLMP 2.2.2.1)."""
    structure = bytes(16) + struct.pack("<I", len(application_data)) + application_data
    return hashlib.md5(structure, usedforsecurity=False).digest()


_NUMBERS: Final = itertools.count(1)
