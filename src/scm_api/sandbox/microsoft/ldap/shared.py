"""What all connections of a server have in common."""

from collections.abc import Callable
from dataclasses import dataclass

from scm_api.sandbox.microsoft.around import Around
from scm_api.sandbox.microsoft.kerberos import Tickets
from scm_api.sandbox.microsoft.ldap.directory import Directory
from scm_api.sandbox.microsoft.ldap.settings import CallLog, LdapBehaviour
from scm_api.sandbox.microsoft.security.contexts import DomainSource


@dataclass
class Served:
    """A directory is made anew only when the domain was exchanged."""

    domain_source: DomainSource
    dns_host_name: str
    behaviour: Callable[[], LdapBehaviour]
    around: Around
    log: CallLog
    tickets: Tickets | None
    _directory: Directory | None = None

    def directory(self) -> Directory:
        """As the domain is now."""
        domain = self.domain_source()
        if self._directory is None or self._directory.domain is not domain:
            self._directory = Directory(domain)
        return self._directory
