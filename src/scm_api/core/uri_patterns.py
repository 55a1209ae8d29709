"""Patterns of the URIs a certificate may carry: a scheme and a host, such as SPIFFE's."""

import re
from typing import Final

from scm_api.core.domains import normalise_domain
from scm_api.core.errors import Fault
from scm_api.core.explain import quoted

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_ACCEPTED: Final = "scheme://host or scheme://*.domain, such as spiffe://prod.example.com"


def normalise_uri_pattern(value: str, pointer: str) -> str | Fault:
    """One pattern in its only spelling. Codes: those of `normalise_domain`.

    `spiffe://example.com` covers every path at that one host, `spiffe://*.example.com` every
    host below it. URIs without a host cannot be permitted: a CA or a directory may read more
    into them than we can judge, such as the account in Microsoft's `tag:` URIs.
    """
    scheme, _, host = value.partition("://")
    if not _SCHEME.fullmatch(scheme) or not host:
        detail = f"{quoted(value)} is not a pattern of scheme and host."
        return Fault(pointer, "name-invalid", detail, _ACCEPTED)
    found = normalise_domain(host, pointer)
    return found if isinstance(found, Fault) else f"{scheme.lower()}://{found}"
