"""What acceptors of a security mechanism have in common, and how they refuse."""

from collections.abc import Callable
from typing import Literal, Protocol

from scm_api.sandbox.microsoft.domain import Account, Domain

DomainSource = Callable[[], Domain]
"""The directory as it is now; control calls change it."""

ChannelBinding = Literal["none", "supported", "required"]
"""Whether bindings are ignored, must fit where they are sent, or must be sent and fit."""


class LogonError(Exception):
    """The caller was not let in. `status` is an NTSTATUS or Win32 code as AD words it (hex)."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class MessageSecurity(Protocol):
    """Protects messages once a caller is known.

    `message` is all that is signed, `sealed` the part of it that is encrypted as well: `message`
    from `start` to `end`.
    """

    @property
    def always_covers_headers(self) -> bool:
        """Whether RPC signs headers even if that was not negotiated."""

    def signature_size(self, *, is_sealed: bool) -> int:
        """Bytes of the signatures that `protect` makes."""

    def protect(self, message: bytes, start: int, end: int) -> tuple[bytes, bytes]:
        """The message with the part sealed, and its signature. Sign only: start == end."""

    def unprotect(self, message: bytes, start: int, end: int, signature: bytes) -> bytes:
        """The message in clear. Raises LogonError if the signature is not the caller's."""

    def check_mechanisms(self, mechanisms: bytes, mic: bytes) -> None:
        """The caller's mechListMIC (RFC 4178 5). Raises LogonError."""

    def sign_mechanisms(self, mechanisms: bytes) -> bytes:
        """Our mechListMIC."""


class Acceptor(Protocol):
    """One logon in progress. `account` and `security` are there once the caller is known.

    `wants_protection` tells whether the caller asked for integrity or confidentiality.
    """

    @property
    def account(self) -> Account | None: ...

    @property
    def security(self) -> MessageSecurity | None: ...

    @property
    def wants_protection(self) -> bool: ...

    def step(self, token: bytes) -> bytes:
        """The next token for the caller, empty if there is none. Raises LogonError."""
