"""What an administrator of the directory can set, and what is written down of each call."""

from collections.abc import Callable
from dataclasses import dataclass

from scm_api.sandbox.microsoft.security.contexts import ChannelBinding


@dataclass(frozen=True, slots=True)
class LdapBehaviour:
    """`channel_binding` is LdapEnforceChannelBinding for SASL binds over TLS. `requires_signing` is
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
class DirectoryCall:
    """One bind or search. `filter` is as it was received, in the writing of RFC 4515.

    `account` is the SAM name of who is bound afterwards, empty for nobody; `base` of a bind the
    name that was given; `result` the LDAP result code.
    """

    operation: str
    account: str
    base: str
    result: int
    scope: str = ""
    filter: str = ""
    attributes: tuple[str, ...] = ()
    entries: int = 0


CallLog = Callable[[DirectoryCall], None]
