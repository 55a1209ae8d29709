"""The URL of the database: what it may hold, and the forms in which it is used.

asyncpg reads it as libpq would, with `sslmode`, `sslrootcert` and several hosts.
"""

import re
from urllib.parse import parse_qsl, urlsplit

# Of libpq's those that asyncpg takes; it has the server set all others, which refuses connections.
# Passwords are not looked for there, and would be shown.
_PARAMETER = re.compile(
    "host|port|dbname|user|passfile|service|krbsrvname|gsslib|target_session_attrs|application_name"
    "|options|sslmode|sslcert|sslkey|sslrootcert|sslcrl|sslnegotiation|ssl_(min|max)_protocol_version"
)
_SSL_MODE = re.compile("disable|allow|prefer|require|verify-(ca|full)")
_HOST = r"(\[[^]@]+\]|[^:@,]*)(:\d{1,5})?"
_HOSTS = re.compile(rf"([^@]*@)?{_HOST}(,{_HOST})*")


def postgresql_url(value: str) -> str:
    """The URL in its one form; raises ValueError for one that nothing could be reached by."""
    match = re.fullmatch(r"postgres(?:ql)?(?:\+asyncpg)?://(\S*[^/\s]\S*)", value)
    if match is None:
        raise ValueError("not a PostgreSQL URL")
    parts = urlsplit(f"postgresql://{match[1]}")
    if parts.fragment or not _HOSTS.fullmatch(parts.netloc):
        raise ValueError("no hosts and ports, or a password that is not percent-encoded")
    given = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    mode = _SSL_MODE.fullmatch(given.get("sslmode", "prefer"))
    if mode is None or not all(map(_PARAMETER.fullmatch, given)):
        raise ValueError("parameters that are not to be used here")
    return f"postgresql+asyncpg://{match[1]}"


def dsn_of(url: str) -> str:
    """As asyncpg takes it."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


def place_of(url: str) -> str:
    """Where the database is, for a message: without password and parameters."""
    parts = urlsplit(dsn_of(url))
    user, _, hosts = parts.netloc.rpartition("@")
    return f"postgresql://{user.partition(':')[0]}@{hosts}{parts.path}"
