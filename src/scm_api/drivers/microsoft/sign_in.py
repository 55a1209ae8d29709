"""How an account proves itself to a domain controller or a CA by RPC: NTLM or Kerberos tokens."""

import asyncio
import logging
import struct
from typing import Any, Final, Literal

from scm_api.drivers.errors import BackendRefused
from scm_api.drivers.microsoft.kerberos import failure
from scm_api.drivers.microsoft.logon import end_point

Method = Literal["simple", "ntlm", "kerberos"]
_KEY_EXCHANGE: Final = 0x40000000  # NTLMSSP_NEGOTIATE_KEY_EXCH


class SignIn:
    """One account's way in. `user` is `DOMAIN\\sam`, a UPN or, for `simple`, also a distinguished
    name; `tickets` are the account's `KerberosTickets`, for Kerberos, which never falls back."""

    def __init__(self, method: Method, user: str, password: str, tickets: Any = None) -> None:
        self.method: Method = method
        self.user = user
        self.password = password
        self._tickets = tickets
        logging.getLogger("spnego").setLevel(logging.INFO)  # its debug log has the tokens

    async def context(self, service: str, host: str, certificate_der: bytes | None) -> Any:
        """A new security context: bound to the TLS connection with that certificate, without a
        layer of its own; or, with None, one that seals messages in DCE style.

        Raises what `KerberosTickets` raises.
        """
        import spnego
        from spnego.channel_bindings import GssChannelBindings

        req = spnego.ContextReq
        bindings, requirements = None, req.default | req.dce_style
        if certificate_der is not None:
            bindings = GssChannelBindings(application_data=end_point(certificate_der))
            requirements = req.mutual_auth | req.no_integrity
        credential: Any = spnego.Password(self.user, self.password)
        protocol = "ntlm"
        if self.method == "kerberos":
            protocol, credential = "negotiate", await self._tickets.credential()
        context = await asyncio.to_thread(
            lambda: spnego.client(
                credential,
                hostname=host,
                service=service,
                protocol=protocol,
                channel_bindings=bindings,
                context_req=requirements,
            )
        )
        if protocol == "ntlm" and bindings is not None:
            # No key is exchanged where nothing is signed; pyspnego would send one of a single byte.
            context._context_req &= ~_KEY_EXCHANGE  # noqa: SLF001
        return context

    async def step(self, context: Any, token: bytes | None) -> bytes | None:
        """The next token. Raises BackendRefused and BackendUnavailable, in words."""
        from spnego.exceptions import SpnegoError

        try:
            answer: bytes | None = await asyncio.to_thread(context.step, token)
        except (SpnegoError, ValueError, struct.error) as error:
            if self.method == "kerberos":
                raise failure(error, self.user) from None
            raise BackendRefused("The server's NTLM challenge cannot be read.") from None
        return answer
