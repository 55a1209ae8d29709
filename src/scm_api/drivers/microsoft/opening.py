"""Putting a driver together from the options and the credentials of its ports."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Final, Literal

from scm_api.drivers.base import Limiter
from scm_api.drivers.http import StrictClient
from scm_api.drivers.microsoft import certsrv, icpr, winrm
from scm_api.drivers.microsoft.directory import ActiveDirectory
from scm_api.drivers.microsoft.driver import MicrosoftDriver
from scm_api.drivers.microsoft.forest import Forest
from scm_api.drivers.microsoft.kerberos import KerberosTickets
from scm_api.drivers.microsoft.ldap import LdapServer
from scm_api.drivers.microsoft.logon import Logon
from scm_api.drivers.microsoft.on_behalf import EnrollmentAgent
from scm_api.drivers.microsoft.options import (
    Account,
    CertsrvEnroller,
    Directory,
    MicrosoftConnection,
    MicrosoftSecrets,
    WinRmRevoker,
)
from scm_api.drivers.microsoft.ports import Revoker
from scm_api.drivers.microsoft.sign_in import SignIn
from scm_api.drivers.microsoft.site import Site
from scm_api.drivers.tls import tls_context

_REVOKING: Final = (4, 4.0, 30.0)


def open_driver(
    connection: MicrosoftConnection, secrets: MicrosoftSecrets, limiter: Limiter
) -> MicrosoftDriver:
    """A driver that has connected to nothing yet."""
    opening = _Opening(connection, limiter)
    directory = None
    if connection.directory is not None and secrets.directory is not None:
        directory = opening.directory(connection.directory, secrets)
    forest = Forest(connection.issuing_ca, directory)
    revoker: Revoker | None = None
    if connection.revoker is not None and secrets.revoker is not None:
        revoker = opening.revoker(connection.revoker, secrets.revoker)
    agent = None
    if secrets.agent_certificate is not None and secrets.agent_key is not None:
        key = secrets.agent_key.get_secret_value()
        agent = EnrollmentAgent(secrets.agent_certificate, key, connection.on_behalf_form)
    port = connection.enroller
    if isinstance(port, CertsrvEnroller):
        pages = certsrv.Certsrv(opening.site(port, secrets.enroller), forest.accept)
        return MicrosoftDriver(connection, pages, pages, forest, revoker, agent)
    sign_in = opening.sign_in(port.auth, secrets.enroller)
    calls = icpr.IcprEnroller(port.host, connection.issuing_ca, sign_in, port=port.port)
    return MicrosoftDriver(connection, calls, None, forest, revoker, agent)


class _Opening:
    def __init__(self, connection: MicrosoftConnection, limiter: Limiter) -> None:
        self._connection = connection
        self._limiter = limiter

    def revoker(self, port: WinRmRevoker, account: Account) -> winrm.WinRm:
        return winrm.WinRm(self.site(port, account), port.base_url, port.ca_config)

    def directory(self, port: Directory, secrets: MicrosoftSecrets) -> ActiveDirectory:
        assert secrets.directory is not None
        context = tls_context(self._connection.trusted_certificates, None)
        server = LdapServer(port.url, self.sign_in(port.auth, secrets.directory), context)
        return ActiveDirectory(server, secrets.enroller.username)

    def sign_in(self, method: Literal["simple", "ntlm", "kerberos"], account: Account) -> SignIn:
        tickets = self.tickets(account) if method == "kerberos" else None
        return SignIn(method, account.username or "", _password(account), tickets)

    def site(self, port: CertsrvEnroller | WinRmRevoker, account: Account) -> Site:
        credential = None
        headers: Mapping[str, str] = certsrv.HEADERS
        if port.auth == "client_certificate" and account.client_key is not None:
            credential = f"{account.client_certificate}\n{account.client_key.get_secret_value()}"
        context = tls_context(self._connection.trusted_certificates, credential)
        knock, (connections, patience, seconds) = ("GET", certsrv.BASE), _REVOKING
        if isinstance(port, CertsrvEnroller):
            connections, patience = port.max_connections, port.wait_seconds
            seconds = port.answer_seconds
        else:
            knock = ("POST", winrm.PATH)
            headers = winrm.BY_CERTIFICATE if credential else {}
        caller = account.username or account.client_certificate or ""
        pace = hashlib.sha256(f"{port.base_url} {caller}".encode()).hexdigest()[:16]
        return Site(
            port.base_url,
            knock,
            lambda: StrictClient(port.base_url, headers, context, connections=1, seconds=seconds),
            self._logons(port, account),
            (self._limiter, f"microsoft/{pace}", self._connection.calls_per_second),
            connections=connections,
            patience=patience,
        )

    def _logons(self, port: CertsrvEnroller | WinRmRevoker, account: Account) -> list[Logon]:
        user, password = account.username or "", _password(account)
        made = [Logon(port.auth, user, password, binding=port.channel_binding)]
        if port.auth == "kerberos":
            made[0].tickets = self.tickets(account)
            if port.allow_ntlm_fallback:
                made.append(Logon("ntlm", user, password, binding=port.channel_binding))
        return made

    def tickets(self, account: Account) -> KerberosTickets:
        keytab = account.keytab
        table = base64.b64decode(keytab.get_secret_value()) if keytab else None
        realm = self._connection.realm or ""
        return KerberosTickets(account.username or "", realm, _password(account), table)


def _password(account: Account) -> str:
    return account.password.get_secret_value() if account.password else ""
