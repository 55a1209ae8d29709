"""What an administrator of the directory can set, and what is written down of each call."""

from collections.abc import Callable
from dataclasses import dataclass

from scm_api.sandbox.microsoft.security.contexts import ChannelBinding


@dataclass
class LdapBehaviour:
    """May be changed while the server runs.

    `channel_binding` is LdapEnforceChannelBinding for SASL binds over TLS. `requires_signing` is
    LDAPServerIntegrity: in clear no simple bind and no SASL bind without integrity.
    `takes_layers_on_tls`: a SASL layer inside TLS, which AD refuses. `max_page_size` is
    MaxPageSize, the most entries of one answer.
    """

    channel_binding: ChannelBinding = "supported"
    requires_signing: bool = True
    takes_layers_on_tls: bool = False
    allows_ntlm: bool = True
    max_page_size: int = 1000


@dataclass(frozen=True, slots=True)
class SearchCall:
    """One bind or search. `filter` is as it was received, in the writing of RFC 4515.

    `account` is the SAM name of who is bound, empty for nobody; `result` the LDAP result code.
    """

    operation: str
    account: str
    base: str
    scope: str
    filter: str
    attributes: tuple[str, ...]
    result: int
    entries: int


CallLog = Callable[[SearchCall], None]
