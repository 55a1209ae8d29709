"""The server's side of Kerberos with the key of a keytab, where python-gssapi is installed."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scm_api.sandbox.microsoft.domain import Account, Domain
from scm_api.sandbox.microsoft.security.contexts import (
    ChannelBinding,
    DomainSource,
    LogonError,
    MessageSecurity,
)
from scm_api.sandbox.state import StateError

_PROTECTION = 0x30
"""GSS_C_CONF_FLAG and GSS_C_INTEG_FLAG."""
_CHANNEL_BOUND = 0x800
"""GSS_C_CHANNEL_BOUND_FLAG: the initiator sent the acceptor's bindings (MIT 1.19)."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Whose it is, the token that answers, whether it is bound to the channel, and whether
    integrity or confidentiality was asked for."""

    principal: str
    answer: bytes
    is_bound: bool
    wants_protection: bool = False


@dataclass(frozen=True, slots=True)
class Keytab:
    """python-gssapi, and the credentials of services whose keys are in the file."""

    gssapi: Any
    credentials: Any


Tickets = Callable[[bytes, bytes], Ticket]
"""From a Kerberos token and the channel's bindings (empty: not looked at). Bindings that
are sent must fit, which they need not be. Raises LogonError."""


class KerberosAcceptor:
    """One logon with a ticket, for `bindings` of the channel."""

    security: MessageSecurity | None = None
    wants_protection = False

    def __init__(
        self, domain_source: DomainSource, tickets: Tickets, bindings: bytes, policy: ChannelBinding
    ) -> None:
        self._domain_source = domain_source
        self._tickets = tickets
        self._bindings = b"" if policy == "none" else bindings
        self._must_be_bound = policy == "required"
        self.account: Account | None = None

    def step(self, token: bytes) -> bytes:
        """AP-REP for AP-REQ. Raises LogonError."""
        ticket = self._tickets(token, self._bindings)
        if self._must_be_bound and not ticket.is_bound:
            raise LogonError("80090346", "Channel bindings are required and were not sent")
        self.account = owner_of(self._domain_source(), ticket.principal)
        self.wants_protection = ticket.wants_protection
        return ticket.answer


def owner_of(domain: Domain, principal: str) -> Account:
    """Raises LogonError for a principal that is of no account, or of a disabled one."""
    sam, _, realm = principal.partition("@")
    account = domain.account(principal)
    if account is None and realm.casefold() == domain.realm.casefold():
        account = domain.account(sam)
    if account is None or account.disabled:
        raise LogonError("c0000064", f"There is no account for {principal}")
    return account


def open_keytab(keytab: Path | None) -> Keytab | None:
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

    return Keytab(gssapi, credentials)


def open_tickets(keytab: Keytab | None) -> Tickets | None:
    """None without a keytab."""
    if keytab is None:
        return None

    def accept(token: bytes, bindings: bytes) -> Ticket:
        return _accept(keytab.gssapi, keytab.credentials, token, bindings)

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
            raise LogonError("80090308", "The exchange of Kerberos wants more than one message")
        is_bound = bool(int(context.actual_flags) & _CHANNEL_BOUND)
        wants_protection = bool(int(context.actual_flags) & _PROTECTION)
        return Ticket(str(context.initiator_name), answer, is_bound, wants_protection)
    except gssapi.exceptions.GSSError as error:
        raise LogonError("80090346", f"Kerberos: {error}") from error
