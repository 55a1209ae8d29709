"""Putting a driver together from the options and the credentials of its ports."""

import hashlib
from collections.abc import Mapping

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
from scm_api.drivers.windows.credentials import Account, Method
from scm_api.drivers.windows.ldap import LdapServer
from scm_api.drivers.windows.logon import Logon
from scm_api.drivers.windows.site import Site


def open_driver(
    connection: MicrosoftConnection, secrets: MicrosoftSecrets, limiter: Limiter
) -> MicrosoftDriver:
    """A driver that has connected to nothing yet."""
    realm = connection.realm or ""
    directory = revoker = agent = None
    if connection.directory is not None and secrets.directory is not None:
        logon = Logon.of(secrets.directory, connection.directory.auth, realm)
        trust = tls_context(connection.trusted_certificates, None)
        server = LdapServer(connection.directory.url, logon, trust)
        directory = ActiveDirectory(server, secrets.enroller.username)
    forest = Forest(connection.issuing_ca, directory)
    if connection.revoker is not None and secrets.revoker is not None:
        by_certificate = connection.revoker.auth == "client_certificate"
        headers = remote_commands.BY_CERTIFICATE if by_certificate else {}
        host, account = connection.revoker, secrets.revoker
        site = _site(connection, limiter, host, account, remote_commands.KNOCK, headers)
        commands = remote_commands.RemoteCommands(site, host.base_url)
        revoker = Certutil(commands, host.ca_config)
    if secrets.agent_certificate is not None and secrets.agent_key is not None:
        key = secrets.agent_key.get_secret_value()
        agent = EnrollmentAgent(secrets.agent_certificate, key, connection.on_behalf_form)
    port, account = connection.enroller, secrets.enroller
    if isinstance(port, CertsrvEnroller):
        site = _site(connection, limiter, port, account, certsrv.KNOCK, certsrv.HEADERS)
        pages = certsrv.Certsrv(site, forest.accept)
        return MicrosoftDriver(connection, pages, pages, forest, revoker, agent)
    logon = Logon.of(account, port.auth, realm)
    calls = IcprEnroller(
        port.host, connection.issuing_ca, logon, port=port.port, seconds=port.answer_seconds
    )
    return MicrosoftDriver(connection, calls, None, forest, revoker, agent)


def _site(
    connection: MicrosoftConnection,
    limiter: Limiter,
    port: CertsrvEnroller | WinRmRevoker,
    account: Account,
    knock: tuple[str, str],
    headers: Mapping[str, str],
) -> Site:
    methods: list[Method] = [port.auth]
    if port.auth == "kerberos" and port.allow_ntlm_fallback:
        methods.append("ntlm")
    realm, binding = connection.realm or "", port.channel_binding
    caller = account.username or account.client_certificate or ""
    pace = hashlib.sha256(f"{port.base_url} {caller}".encode()).hexdigest()[:16]
    return Site(
        port.base_url,
        knock,
        headers,
        tls_context(connection.trusted_certificates, account.tls_credential(port.auth)),
        [Logon.of(account, each, realm, binding=binding) for each in methods],
        (limiter, f"microsoft/{pace}", connection.calls_per_second),
        connections=port.max_connections,
        patience=port.wait_seconds,
        seconds=port.answer_seconds,
    )
