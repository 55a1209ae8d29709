"""A simulated domain controller, and how the client's parts reach it."""

from pathlib import Path

from microsoft_forest import PASSWORD, Forest, Tls

from scm_api.drivers.windows.ldap import LdapServer
from scm_api.drivers.windows.logon import Logon
from scm_api.sandbox.microsoft.ldap import DirectoryCall, LdapBehaviour, RunningLdap, serve_ldap

READER = "svc@corp.example"


class DomainController:
    """A domain controller and what it heard."""

    def __init__(self, folder: Path) -> None:
        self.tls = Tls(folder)
        self.forest = Forest()
        self.behaviour = LdapBehaviour()
        self.calls: list[DirectoryCall] = []
        self.ldap: RunningLdap

    async def open(self) -> None:
        self.ldap = await serve_ldap(
            lambda: self.forest.domain,
            "127.0.0.1",
            ssl_context=self.tls.server,
            dns_host_name="dc1.corp.example",
            end_point=self.tls.end_point,
            behaviour=lambda: self.behaviour,
            log=self.calls.append,
        )

    def as_account(self, logon: Logon | None = None) -> LdapServer:
        """This one, read by who logs on, the reader if nobody is said."""
        url = f"ldaps://localhost:{self.ldap.port}"
        return LdapServer(url, logon or Logon("simple", READER, PASSWORD), self.tls.client)
