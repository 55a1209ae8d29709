"""One entry of the directory: a name and attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from scm_api.sandbox.microsoft.ldap.names import Name, parse_name

Value = str | int | bool | bytes
Attributes = Mapping[str, Value | Sequence[Value] | None]
"""By name as the schema spells it; None and empty lists are attributes that are not there."""
Syntax = Literal["text", "bytes", "integer", "name"]

_NAMES: Final = frozenset(("distinguishedname", "member", "memberof", "objectcategory", "ncname"))
_BYTES: Final = frozenset(
    (
        "objectsid",
        "objectguid",
        "ntsecuritydescriptor",
        "cacertificate",
        "pkiexpirationperiod",
        "pkioverlapperiod",
        "pkikeyusage",
        "tokengroups",
    )
)
_INTEGERS: Final = frozenset(
    (
        "flags",
        "revision",
        "useraccountcontrol",
        "admincount",
        "primarygroupid",
        "grouptype",
        "samaccounttype",
        "systemflags",
        "instancetype",
        "pkidefaultkeyspec",
        "pkimaxissuingdepth",
        "mspki-template-schema-version",
        "mspki-template-minor-revision",
        "mspki-certificate-name-flag",
        "mspki-enrollment-flag",
        "mspki-private-key-flag",
        "mspki-ra-signature",
        "mspki-minimal-key-size",
    )
)


def syntax_of(attribute: str) -> Syntax:
    """How values of an attribute are compared; most are text without regard to case."""
    folded = attribute.casefold()
    if folded in _NAMES:
        return "name"
    if folded in _BYTES:
        return "bytes"
    return "integer" if folded in _INTEGERS else "text"


@dataclass(frozen=True, slots=True)
class Entry:
    """`operational` are names (lower case) that are given only when they are asked for."""

    dn: str
    name: Name
    attributes: Mapping[str, tuple[str, tuple[bytes, ...]]]
    operational: frozenset[str] = frozenset()

    def values(self, attribute: str) -> tuple[bytes, ...]:
        """By name in any case; empty for one that is not there."""
        return self.attributes.get(attribute.casefold(), ("", ()))[1]

    def text(self, attribute: str) -> str:
        """The first value, empty for none."""
        found = self.values(attribute)
        return found[0].decode() if found else ""


def make_entry(dn: str, attributes: Attributes, operational: Sequence[str] = ()) -> Entry:
    """distinguishedName is added."""
    known: dict[str, tuple[str, tuple[bytes, ...]]] = {}
    named: Attributes = {"distinguishedName": dn, **attributes} if dn else attributes
    for attribute, value in named.items():
        many = [value] if isinstance(value, (str, int, bytes)) else list(value or ())
        if many:
            known[attribute.casefold()] = (attribute, tuple(_encoded(each) for each in many))
    return Entry(dn, parse_name(dn), known, frozenset(each.casefold() for each in operational))


def _encoded(value: Value) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"TRUE" if value else b"FALSE"
    return str(value).encode()
