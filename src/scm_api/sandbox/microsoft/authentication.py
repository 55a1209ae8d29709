"""Who calls, as IIS and WinRM find out: per TCP connection for NTLM, with channel bindings."""

import base64
import itertools
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

from aiohttp import web

from scm_api.sandbox.microsoft.catalogue import CA_HOST
from scm_api.sandbox.microsoft.domain import Account, Domain
from scm_api.sandbox.microsoft.kerberos import KerberosAcceptor, Tickets
from scm_api.sandbox.microsoft.security.contexts import Acceptor, LogonError
from scm_api.sandbox.microsoft.security.negotiation import KERBEROS, NTLM, NegotiateAcceptor
from scm_api.sandbox.microsoft.security.ntlm import SIGNATURE, NtlmAcceptor
from scm_api.sandbox.microsoft.settings import Scheme
from scm_api.sandbox.microsoft.simulator import Simulator

_SPNEGO: Final = b"\x06\x06\x2b\x06\x01\x05\x05\x02"
"""The object identifier that the first token of a negotiation begins with."""


@dataclass
class Connection:
    """One TCP connection: its number, who it is of and by what, and an exchange under way."""

    number: int
    account: Account | None = None
    scheme: str = ""
    acceptor: Acceptor | None = None
    is_kerberos: bool = False


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
        tickets: Tickets | None,
        schemes: Callable[[], Sequence[Scheme]],
        basic_realm: str,
    ) -> None:
        self._simulator = simulator
        self._tickets = tickets
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
            return self._exchange(connection, offered, token)
        except LogonError as error:
            connection.acceptor = None
            raise Challenge(self._offers(), str(error)) from error
        except ValueError as error:
            connection.acceptor = None
            raise Challenge(self._offers(), "The token is not base64") from error

    def _without_header(self, request: web.Request, connection: Connection) -> Admitted:
        if connection.account is not None:
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
            raise LogonError("c000006d", "The name or the password is wrong")
        return Admitted(account, "Basic")

    def _exchange(self, connection: Connection, scheme: str, token: bytes) -> Admitted:
        """One leg of NTLM or Negotiate. Raises LogonError and Challenge."""
        acceptor = connection.acceptor
        if acceptor is None or _begins(token):
            connection.is_kerberos = False
            acceptor = connection.acceptor = self._acceptor(connection, scheme, token)
        answer = acceptor.step(token)
        header = f"{scheme} {base64.b64encode(answer).decode()}"
        account = acceptor.account
        if account is None:
            raise Challenge([header], "", is_leg=True)
        connection.acceptor = None
        mechanism = "Kerberos" if connection.is_kerberos else "NTLM"
        shown = scheme if scheme == mechanism else f"{scheme} ({mechanism})"
        if not connection.is_kerberos or self._simulator.behaviour.kerberos_persists:
            connection.account, connection.scheme = account, shown
        return Admitted(account, shown, {"WWW-Authenticate": header} if answer else {})

    def _acceptor(self, connection: Connection, scheme: str, token: bytes) -> Acceptor:
        policy = self._simulator.behaviour.extended_protection
        bindings = self._simulator.transport.end_point()

        def source() -> Domain:
            return self._simulator.domain

        def ntlm() -> Acceptor:
            return NtlmAcceptor(source, CA_HOST, bindings=bindings, policy=policy)

        if scheme == "NTLM":
            return ntlm()
        tickets = self._tickets
        if tickets is None:
            return NegotiateAcceptor({NTLM: ntlm})

        def kerberos() -> Acceptor:
            connection.is_kerberos = True
            return KerberosAcceptor(source, tickets, bindings, policy)

        is_bare = token[:1] == b"\x60" and _SPNEGO not in token[:16]
        mechanisms = dict.fromkeys(KERBEROS, kerberos) | {NTLM: ntlm}
        return kerberos() if is_bare else NegotiateAcceptor(mechanisms)

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


def _begins(token: bytes) -> bool:
    """Whether a token is the first one of an exchange."""
    return token[:1] == b"\x60" or token[:12] == SIGNATURE + b"\1\0\0\0"


_NUMBERS: Final = itertools.count(1)
