"""The server's side of Kerberos with the key of a keytab, where python-gssapi is installed."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scm_api.sandbox.microsoft.ntlm import NotAuthenticated
from scm_api.sandbox.state import StateError

_CHANNEL_BOUND = 0x800
"""GSS_C_CHANNEL_BOUND_FLAG: the initiator sent the acceptor's bindings (MIT 1.19)."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Whose it is, the token that answers, and whether it is bound to the channel."""

    principal: str
    answer: bytes
    is_bound: bool


Acceptor = Callable[[bytes, bytes], Ticket]
"""From a SPNEGO or Kerberos token and the channel's bindings (empty: not looked at). Bindings that
are sent must fit, which they need not be. Raises NotAuthenticated."""


def open_acceptor(keytab: Path | None) -> Acceptor | None:
    """None without a keytab. Raises StateError when it cannot be used."""
    if keytab is None:
        return None
    if not os.access(keytab, os.R_OK):
        raise StateError(f"The keytab {keytab} cannot be read.")
    try:
        import gssapi  # type: ignore[import-not-found,unused-ignore]  # an extra
    except ImportError as error:
        raise StateError(
            "Kerberos needs the python-gssapi package: install scm-api[kerberos], or start the "
            "simulator without a keytab."
        ) from error
    try:
        credentials = gssapi.Credentials(usage="accept", store={"keytab": f"FILE:{keytab}"})
    except gssapi.exceptions.GSSError as error:
        raise StateError(f"The keytab {keytab} holds no usable key: {error}.") from error

    def accept(token: bytes, bindings: bytes) -> Ticket:
        return _accept(gssapi, credentials, token, bindings)

    return accept


def _accept(gssapi: Any, credentials: Any, token: bytes, bindings: bytes) -> Ticket:
    channel = None
    if bindings:
        channel = gssapi.raw.ChannelBindings(application_data=bindings)
    try:
        context = gssapi.SecurityContext(
            creds=credentials, usage="accept", channel_bindings=channel
        )
        answer = context.step(token) or b""
        if not context.complete:
            raise NotAuthenticated("the Kerberos exchange wants more than one message")
        is_bound = bool(int(context.actual_flags) & _CHANNEL_BOUND)
        return Ticket(str(context.initiator_name), answer, is_bound)
    except gssapi.exceptions.GSSError as error:
        raise NotAuthenticated(f"Kerberos: {error}") from error
