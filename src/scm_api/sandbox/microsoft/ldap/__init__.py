"""LDAP as a domain controller speaks it (RFC 4511, MS-ADTS), over TLS or in clear."""

from scm_api.sandbox.microsoft.ldap.server import RunningLdap, serve_ldap
from scm_api.sandbox.microsoft.ldap.settings import LdapBehaviour, SearchCall

__all__ = ["LdapBehaviour", "RunningLdap", "SearchCall", "serve_ldap"]
