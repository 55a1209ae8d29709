"""What a call can end with other than an answer, and the hook for scripted faults."""

from collections.abc import Awaitable, Callable
from typing import Final, Literal

ACCESS_DENIED: Final = 0x00000005
BAD_STUB_DATA: Final = 0x000006F7
SECURITY_PACKAGE_ERROR: Final = 0x00000721
OPERATION_RANGE_ERROR: Final = 0x1C010002
UNKNOWN_INTERFACE: Final = 0x1C010003
PROTOCOL_ERROR: Final = 0x1C01000B
SERVER_TOO_BUSY: Final = 0x1C010014


class RpcFault(Exception):
    """Answer the call with a fault PDU of this status (C706 appendix E, Win32)."""

    def __init__(self, status: int) -> None:
        super().__init__(f"fault 0x{status:08x}")
        self.status = status


class Severed(Exception):
    """End the connection without an answer, by FIN or RST."""

    def __init__(self, *, with_reset: bool = False) -> None:
        super().__init__("the connection is to end")
        self.with_reset = with_reset


class ProtocolError(Exception):
    """The PDU is not one; Windows ends the connection."""


Moment = Literal["before", "after"]
Hook = Callable[[Moment, str], Awaitable[None]]
"""Awaited before and after an operation acts; may wait, or raise RpcFault or Severed.

Operations are `ept_map`, `submit` and `retrieve`.
"""


async def no_hook(_moment: Moment, _operation: str) -> None:
    """Nothing goes wrong."""
