"""LDAP as a domain controller speaks it (RFC 4511, MS-ADTS), over TLS or in clear."""

from scm_api.sandbox.microsoft.ldap.messages import LdapRefusal
from scm_api.sandbox.microsoft.ldap.server import RunningLdap, serve_ldap
from scm_api.sandbox.microsoft.ldap.settings import DirectoryCall, LdapBehaviour

__all__ = ["DirectoryCall", "LdapBehaviour", "LdapRefusal", "RunningLdap", "serve_ldap"]
