"""What a server offers: interfaces by identifier and version."""

from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from scm_api.sandbox.microsoft.domain import Account


@dataclass(frozen=True, slots=True)
class Syntax:
    """p_syntax_id_t: an interface or a transfer syntax."""

    uuid: UUID
    major: int
    minor: int = 0

    def encode(self) -> bytes:
        version = self.major | self.minor << 16
        return self.uuid.bytes_le + version.to_bytes(4, "little")

    @classmethod
    def decode(cls, content: bytes) -> "Syntax":
        version = int.from_bytes(content[16:20], "little")
        return cls(UUID(bytes_le=content[:16]), version & 0xFFFF, version >> 16)


NDR: Final = Syntax(UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, at what authentication level (1: not at all), and the address it called."""

    account: Account | None
    level: int
    called: str


class Interface(Protocol):
    """Something to bind to."""

    @property
    def syntax(self) -> Syntax: ...

    @property
    def is_offered(self) -> bool:
        """Whether it can be bound to at present."""

    async def call(self, operation: int, stub: bytes, caller: Caller) -> bytes:
        """The stub of the answer. Raises RpcFault, or Severed."""
