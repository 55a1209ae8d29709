"""What a call can end with other than an answer."""

from typing import Final

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


class ProtocolError(Exception):
    """The PDU is not one; Windows ends the connection."""
