"""SPNEGO tokens (RFC 4178), as far as a server needs them to agree on NTLM."""

from dataclasses import dataclass
from typing import Any, Final

from asn1crypto import core, parser

NTLM: Final = "1.3.6.1.4.1.311.2.2.10"
KERBEROS: Final = frozenset(("1.2.840.113554.1.2.2", "1.2.840.48018.1.2.2"))
ACCEPT_COMPLETED, ACCEPT_INCOMPLETE, REQUEST_MIC = 0, 1, 3
_SPNEGO: Final = "1.3.6.1.5.5.2"


class _Mechanisms(core.SequenceOf):  # type: ignore[misc]  # asn1crypto has no types
    _child_spec = core.ObjectIdentifier


class _Init(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [  # noqa: RUF012 -- as it wants
        ("mech_types", _Mechanisms, {"explicit": 0}),
        ("flags", core.BitString, {"explicit": 1, "optional": True}),
        ("token", core.OctetString, {"explicit": 2, "optional": True}),
        ("mic", core.OctetString, {"explicit": 3, "optional": True}),
    ]


class _State(core.Enumerated):  # type: ignore[misc]  # asn1crypto has no types
    _map = {0: "0", 1: "1", 2: "2", 3: "3"}  # noqa: RUF012 -- as it wants


class _Answer(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [  # noqa: RUF012 -- as it wants
        ("state", _State, {"explicit": 0, "optional": True}),
        ("mech", core.ObjectIdentifier, {"explicit": 1, "optional": True}),
        ("token", core.OctetString, {"explicit": 2, "optional": True}),
        ("mic", core.OctetString, {"explicit": 3, "optional": True}),
    ]


@dataclass(frozen=True, slots=True)
class Token:
    """One message of a client. `mechanisms` are in the first one only, in DER in `offered`."""

    mechanisms: tuple[str, ...]
    offered: bytes
    inner: bytes
    mic: bytes | None


def read(data: bytes) -> Token:
    """Raises ValueError for what is no SPNEGO token."""
    kind, _, tag, _, content, _ = parser.parse(data)
    if (kind, tag) == (1, 0):
        name = core.ObjectIdentifier.load(content)
        if name.native != _SPNEGO:
            raise ValueError("not SPNEGO")
        _, _, _, _, inner, _ = parser.parse(content[len(name.dump()) :])
        init = _Init.load(inner)
        mechanisms = tuple(each.dotted for each in init["mech_types"])
        offered = init["mech_types"].untag().dump()
        return Token(mechanisms, offered, init["token"].native or b"", init["mic"].native)
    if (kind, tag) == (2, 1):
        answer = _Answer.load(content)
        return Token((), b"", answer["token"].native or b"", answer["mic"].native)
    raise ValueError("not SPNEGO")


def answer(
    state: int,
    *,
    mechanism: str | None = None,
    token: bytes | None = None,
    mic: bytes | None = None,
) -> bytes:
    """A NegTokenResp."""
    members: dict[str, Any] = {"state": str(state), "mech": mechanism, "token": token, "mic": mic}
    built = _Answer({name: value for name, value in members.items() if value is not None})
    content: bytes = built.dump()
    wrapped: bytes = parser.emit(2, 1, 1, content)
    return wrapped
