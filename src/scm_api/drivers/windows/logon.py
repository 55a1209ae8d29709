"""How an account proves itself to a Windows server: tokens of NTLM and Kerberos, by themselves or
within HTTP, LDAP and RPC; Basic and simple binds; the client certificate of TLS."""

import asyncio
import base64
import hashlib
import logging
import struct
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

import spnego
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from scm_api.drivers.errors import BackendRefused
from scm_api.drivers.windows.credentials import Account, Method
from scm_api.drivers.windows.kerberos import KerberosTickets, failure

Service = Literal["HTTP", "ldap", "host"]
_ASKED: Final = {
    "HTTP": spnego.ContextReq.default,
    # Within TLS, messages need no seal of their own; RPC has them sealed, in DCE style.
    "ldap": spnego.ContextReq.mutual_auth | spnego.ContextReq.no_integrity,
    "host": spnego.ContextReq.default | spnego.ContextReq.dce_style,
}
_KEY_EXCHANGE: Final = 0x40000000  # NTLMSSP_NEGOTIATE_KEY_EXCH
_WEAK: Final = (hashes.MD5, hashes.SHA1)
# IIS answers every refused logon with the same 401.1 and writes the reason into its own logs:
# sc-win32-status, and the sub status of the security event 4625.
_HOW_TO_TELL: Final = (
    "IIS says the same for all of these. Its log on the server tells them apart: sc-win32-status "
    "2148074252 is a wrong user name or password, 2148074310 are channel bindings; the sub status "
    "of security event 4625 is 0xC000006A for a wrong password, 0xC0000064 for an unknown user, "
    "0xC0000234 for a locked, 0xC0000072 for a disabled account, 0xC0000071 for an expired "
    "password, 0xC000035B for channel bindings."
)


def end_point(certificate_der: bytes) -> bytes:
    """The tls-server-end-point binding of a connection (RFC 5929 section 4.1): the certificate
    hashed with the hash of its own signature, SHA-256 in place of MD5, SHA-1 and none."""
    found = x509.load_der_x509_certificate(certificate_der).signature_hash_algorithm
    name = "sha256" if found is None or isinstance(found, _WEAK) else found.name
    return b"tls-server-end-point:" + hashlib.new(name, certificate_der).digest()


class Logon:
    """One account's way in. `user` is `DOMAIN\\sam`, a UPN or, for `simple`, also a distinguished
    name; `tickets` are for Kerberos, which never falls back. `binding` sends channel bindings,
    which is left off only where TLS ends at a proxy before the server."""

    def __init__(
        self,
        method: Method,
        user: str,
        password: str,
        tickets: KerberosTickets | None = None,
        *,
        binding: bool = True,
    ) -> None:
        self.method: Method = method
        self.user = user
        self.password = password
        self._tickets = tickets
        self._binding = binding
        logging.getLogger("spnego").setLevel(logging.INFO)  # its debug log has the tokens

    @classmethod
    def of(cls, account: Account, method: Method, realm: str, *, binding: bool = True) -> Self:
        """The logon of an account by its credential; `realm` is for Kerberos."""
        user, tickets = account.username or "", None
        password = account.password.get_secret_value() if account.password else ""
        if method == "kerberos":
            keytab = account.keytab
            table = base64.b64decode(keytab.get_secret_value()) if keytab else None
            tickets = KerberosTickets(user, realm, password, table)
        return cls(method, user, password, tickets, binding=binding)

    async def context(self, service: Service, host: str, certificate_der: bytes | None) -> Any:
        """A new security context, bound to the TLS connection with that certificate.

        Raises what `KerberosTickets` raises.
        """
        bindings = None
        if self._binding and certificate_der is not None:
            bindings = GssChannelBindings(application_data=end_point(certificate_der))
        protocol = "ntlm"
        credential: Any = spnego.Password(self.user, self.password)
        if self.method == "kerberos":
            assert self._tickets is not None
            protocol, credential = "negotiate", await self._tickets.credential()
        context: Any = await asyncio.to_thread(
            lambda: spnego.client(
                credential,
                hostname=host,
                service=service,
                protocol=protocol,
                channel_bindings=bindings,
                context_req=_ASKED[service],
            )
        )
        if protocol == "ntlm" and service == "ldap":
            # No key is exchanged where nothing is signed; pyspnego would send one of a single byte.
            context._context_req &= ~_KEY_EXCHANGE  # noqa: SLF001
        return context

    async def step(self, context: Any, challenge: bytes | None) -> bytes | None:
        """The next token. Raises BackendRefused and BackendUnavailable, in words."""
        try:
            token: bytes | None = await asyncio.to_thread(context.step, challenge)
        except (SpnegoError, ValueError, struct.error) as error:
            if self.method == "kerberos":
                raise failure(error, self.user) from None
            raise BackendRefused("The server's NTLM challenge cannot be read.") from None
        return token

    @property
    def needs_token(self) -> bool:
        """Whether the server is asked first, and answered with tokens."""
        return self.method in ("kerberos", "ntlm")

    def headers(self) -> dict[str, str]:
        """What goes with every request, where it is the same each time."""
        if self.method != "basic":
            return {}
        pair = f"{self.user}:{self.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def scheme(self, offered: str) -> str:
        """The scheme to answer with. Raises BackendRefused where none of ours is offered."""
        names = {each.split()[0].lower() for each in offered.split(",") if each.strip()}
        for name in ("NTLM", "Negotiate") if self.method == "ntlm" else ("Negotiate",):
            if name.lower() in names:
                return name
        shown = ", ".join(sorted(names & {"negotiate", "ntlm", "basic", "digest"})) or "no logon"
        detail = (
            f"The site does not offer {self.method}; it offers {shown}. Enable Windows "
            "Authentication with that provider in IIS, or choose another auth."
        )
        raise BackendRefused(detail)

    def refused(self, leg: int, origin: str) -> BackendRefused:
        """The words for a logon that got 401; `leg` counts the tokens that were sent from 0."""
        site = urlsplit(origin).netloc
        if self.method == "ntlm" and leg == 0:
            return BackendRefused(
                f"{site} does not accept NTLM: it is disabled on the server or in the domain "
                "(Network security: Restrict NTLM). Choose auth kerberos."
            )
        if self.method == "basic":
            return BackendRefused(
                f"{site} refused the logon of {self.user}: the user name or password is wrong, the "
                f"account is locked or disabled, or IIS does not offer Basic. {_HOW_TO_TELL}"
            )
        if self.method == "client_certificate":
            return BackendRefused(
                f"{site} refused the client certificate: it is not mapped to an account (IIS: "
                "client certificate mapping), or another way of logon is required."
            )
        if self._binding:
            bound = (
                "the channel bindings (Extended Protection) do not match, as happens where a proxy "
                "ends TLS before IIS"
            )
        else:
            bound = (
                "it requires channel bindings (Extended Protection), which channel_binding: false "
                "keeps back"
            )
        if self.method == "kerberos":
            return BackendRefused(
                f"{site} refused a Kerberos ticket that the KDC granted to {self.user}, so the "
                f"password is right. Either {bound}; or the account may not enter; or the ticket "
                f"is for another account than the one IIS runs as: HTTP/{urlsplit(origin).hostname}"
                " must be registered on it alone (setspn -Q); or the clocks of both hosts differ "
                f"by more than five minutes. {_HOW_TO_TELL}"
            )
        return BackendRefused(
            f"{site} refused the logon of {self.user}. Either user name or password is wrong, or "
            f"the account is locked or disabled, or {bound}. {_HOW_TO_TELL}"
        )
