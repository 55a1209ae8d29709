"""Presentation contexts: what a bind asks for and what is agreed (C706 12.6.4.3)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scm_api.sandbox.microsoft.rpc.faults import ProtocolError
from scm_api.sandbox.microsoft.rpc.interfaces import NDR, Interface, Syntax
from scm_api.sandbox.microsoft.rpc.pdu import MOST_FRAGMENT

_FIXED: Final = 12
_SYNTAX_SIZE: Final = 20
_SMALLEST_FRAGMENT: Final = 1432  # MustRecvFragSize of C706 12.4.1
_ACCEPTANCE, _PROVIDER_REJECTION, _NEGOTIATE_ACK = 0, 2, 3
_ABSTRACT_SYNTAX, _TRANSFER_SYNTAXES = 1, 2
_FEATURES: Final = bytes.fromhex("2c1cb76c12984045")
"""The transfer syntax 6cb71c2c-9812-4540-... asks for features (MS-RPCE 3.3.1.5.3)."""
_NO_SYNTAX: Final = bytes(_SYNTAX_SIZE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One presentation context as it is asked for."""

    number: int
    abstract: Syntax
    transfers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Bind:
    """The body of bind and alter_context."""

    most_sent: int
    most_received: int
    group: int
    contexts: tuple[Wanted, ...]

    @classmethod
    def decode(cls, body: bytes) -> "Bind":
        """Raises ProtocolError."""
        try:
            most_sent, most_received, group, count = struct.unpack_from("<HHIB", body)
            contexts: list[Wanted] = []
            at = _FIXED
            for _ in range(count):
                number, transfers = struct.unpack_from("<HB", body, at)
                at += 4
                end = at + _SYNTAX_SIZE * (transfers + 1)
                syntaxes = [body[start : start + 20] for start in range(at, end, _SYNTAX_SIZE)]
                if end > len(body):
                    raise ProtocolError("a bind that ends early")
                contexts.append(Wanted(number, Syntax.decode(syntaxes[0]), tuple(syntaxes[1:])))
                at = end
        except struct.error:
            raise ProtocolError("a bind that ends early") from None
        if not contexts:
            raise ProtocolError("a bind to nothing")
        return cls(most_sent, most_received, group, tuple(contexts))

    @property
    def fragment(self) -> int:
        """The size of fragments both sides can take."""
        return max(min(self.most_received, self.most_sent, MOST_FRAGMENT), _SMALLEST_FRAGMENT)


def agreed(bind: Bind, interfaces: Sequence[Interface]) -> tuple[dict[int, Interface], bytes]:
    """The contexts that are accepted, and the result list for all of them."""
    accepted: dict[int, Interface] = {}
    results = [struct.pack("<B3x", len(bind.contexts))]
    for wanted in bind.contexts:
        found = _offered(wanted.abstract, interfaces)
        if any(each.startswith(_FEATURES) for each in wanted.transfers):
            results.append(struct.pack("<HH", _NEGOTIATE_ACK, 0) + _NO_SYNTAX)
        elif found is None:
            reason = struct.pack("<HH", _PROVIDER_REJECTION, _ABSTRACT_SYNTAX)
            results.append(reason + _NO_SYNTAX)
        elif NDR.encode() not in wanted.transfers:
            reason = struct.pack("<HH", _PROVIDER_REJECTION, _TRANSFER_SYNTAXES)
            results.append(reason + _NO_SYNTAX)
        else:
            accepted[wanted.number] = found
            results.append(struct.pack("<HH", _ACCEPTANCE, 0) + NDR.encode())
    return accepted, b"".join(results)


def encode_ack(bind: Bind, group: int, endpoint: str, results: bytes) -> bytes:
    """The body of bind_ack and of the answer to alter_context, where the endpoint is empty."""
    address = endpoint.encode() + b"\0" if endpoint else b""
    body = struct.pack("<HHIH", bind.fragment, bind.fragment, group, len(address)) + address
    return body + bytes(-len(body) % 4) + results


def _offered(wanted: Syntax, interfaces: Sequence[Interface]) -> Interface | None:
    for each in interfaces:
        same = (each.syntax.uuid, each.syntax.major) == (wanted.uuid, wanted.major)
        if same and wanted.minor <= each.syntax.minor and each.is_offered:
            return each
    return None
