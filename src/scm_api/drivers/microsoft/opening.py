"""Putting a driver together from the options and the credentials of its ports."""

import base64
import hashlib
from collections.abc import Mapping

from scm_api.drivers.http import StrictClient
from scm_api.drivers.microsoft import certsrv
from scm_api.drivers.microsoft.certutil import Certutil
from scm_api.drivers.microsoft.directory import ActiveDirectory
from scm_api.drivers.microsoft.driver import MicrosoftDriver
from scm_api.drivers.microsoft.forest import Forest
from scm_api.drivers.microsoft.icpr import IcprEnroller
from scm_api.drivers.microsoft.on_behalf import EnrollmentAgent
from scm_api.drivers.microsoft.options import (
    CertsrvEnroller,
    MicrosoftConnection,
    MicrosoftSecrets,
    WinRmRevoker,
)
from scm_api.drivers.pacing import Limiter
from scm_api.drivers.tls import tls_context
from scm_api.drivers.windows import remote_commands
from scm_api.drivers.windows.fields import Account
from scm_api.drivers.windows.kerberos import KerberosTickets
from scm_api.drivers.windows.ldap import LdapServer
from scm_api.drivers.windows.logon import Logon, Method
from scm_api.drivers.windows.site import Site


def open_driver(
    connection: MicrosoftConnection, secrets: MicrosoftSecrets, limiter: Limiter
) -> MicrosoftDriver:
    """A driver that has connected to nothing yet."""
    opening = _Opening(connection, limiter)
    directory = revoker = agent = None
    if connection.directory is not None and secrets.directory is not None:
        logon = opening.logon(connection.directory.auth, secrets.directory)
        trust = tls_context(connection.trusted_certificates, None)
        server = LdapServer(connection.directory.url, logon, trust)
        directory = ActiveDirectory(server, secrets.enroller.username)
    forest = Forest(connection.issuing_ca, directory)
    if connection.revoker is not None and secrets.revoker is not None:
        host = opening.revoking_host(connection.revoker, secrets.revoker)
        revoker = Certutil(host, connection.revoker.ca_config)
    if secrets.agent_certificate is not None and secrets.agent_key is not None:
        key = secrets.agent_key.get_secret_value()
        agent = EnrollmentAgent(secrets.agent_certificate, key, connection.on_behalf_form)
    port = connection.enroller
    if isinstance(port, CertsrvEnroller):
        pages = certsrv.Certsrv(opening.pages(port, secrets.enroller), forest.accept)
        return MicrosoftDriver(connection, pages, pages, forest, revoker, agent)
    logon = opening.logon(port.auth, secrets.enroller)
    calls = IcprEnroller(port.host, connection.issuing_ca, logon, port=port.port)
    return MicrosoftDriver(connection, calls, None, forest, revoker, agent)


class _Opening:
    def __init__(self, connection: MicrosoftConnection, limiter: Limiter) -> None:
        self._connection = connection
        self._limiter = limiter

    def pages(self, port: CertsrvEnroller, account: Account) -> Site:
        return self._site(
            port,
            account,
            ("GET", certsrv.BASE),
            certsrv.HEADERS,
            connections=port.max_connections,
            patience=port.wait_seconds,
            seconds=port.answer_seconds,
        )

    def revoking_host(self, port: WinRmRevoker, account: Account) -> remote_commands.RemoteCommands:
        headers = remote_commands.BY_CERTIFICATE if port.auth == "client_certificate" else {}
        knock = ("POST", remote_commands.PATH)
        site = self._site(port, account, knock, headers, connections=4, patience=4, seconds=30)
        return remote_commands.RemoteCommands(site, port.base_url)

    def _site(
        self,
        port: CertsrvEnroller | WinRmRevoker,
        account: Account,
        knock: tuple[str, str],
        headers: Mapping[str, str],
        *,
        connections: int,
        patience: float,
        seconds: float,
    ) -> Site:
        credential = None
        if port.auth == "client_certificate" and account.client_key is not None:
            credential = f"{account.client_certificate}\n{account.client_key.get_secret_value()}"
        context = tls_context(self._connection.trusted_certificates, credential)
        logons = [self.logon(port.auth, account, binding=port.channel_binding)]
        if port.auth == "kerberos" and port.allow_ntlm_fallback:
            logons.append(self.logon("ntlm", account, binding=port.channel_binding))
        caller = account.username or account.client_certificate or ""
        pace = hashlib.sha256(f"{port.base_url} {caller}".encode()).hexdigest()[:16]
        return Site(
            port.base_url,
            knock,
            lambda: StrictClient(port.base_url, headers, context, connections=1, seconds=seconds),
            logons,
            (self._limiter, f"microsoft/{pace}", self._connection.calls_per_second),
            connections=connections,
            patience=patience,
        )

    def logon(self, method: Method, account: Account, *, binding: bool = True) -> Logon:
        user, tickets = account.username or "", None
        password = account.password.get_secret_value() if account.password else ""
        if method == "kerberos":
            keytab = account.keytab
            table = base64.b64decode(keytab.get_secret_value()) if keytab else None
            realm = self._connection.realm or ""
            tickets = KerberosTickets(user, realm, password, table)
        return Logon(method, user, password, tickets, binding=binding)
