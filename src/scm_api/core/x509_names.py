"""Names as they stand in requests and certificates, turned into plain text values."""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.x509.oid import NameOID

from scm_api.core.names import Name
from scm_api.core.vocabulary import NameKind

COMMON_NAME: Final = NameOID.COMMON_NAME.dotted_string

UNDECODABLE: Final = (
    ValueError,
    TypeError,  # a bit string where a subject attribute holds text
    KeyError,  # a TLS feature (RFC 7633) without a name
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises, at once or at the first look, for structures it cannot decode."""

UPN: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
"""Microsoft's user principal name as an otherName."""


SECURITY_IDENTIFIER: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.25.2")
"""szOID_NTDS_CA_SECURITY_EXT ([MS-WCCE] section 2.2.2.7.7.4): whose account of Active Directory a
certificate logs on to."""

_SID: Final = re.compile(rb"S-1-[0-9]+(-[0-9]+)+")


def sid_of(extensions: x509.Extensions) -> str | None:
    """The security identifier in the extension of that name; None without one.

    It is an otherName around an octet string of ASCII. One that holds no identifier, or several, is
    told by its octets in hex, so that it equals none.
    """
    for extension in extensions:
        if extension.oid == SECURITY_IDENTIFIER:
            octets = extension.value.public_bytes()
            found = list(_SID.finditer(octets))
            return found[0][0].decode() if len(found) == 1 else octets.hex()
    return None


@dataclass(frozen=True, slots=True)
class SanFacts:
    """The subjectAltName extension as it stands; no names when there is none."""

    names: tuple[Name, ...]
    critical: bool


def san_of(extensions: x509.Extensions) -> SanFacts:
    """The subjectAltName entries (RFC 5280 section 4.2.1.6), in order.

    Every kind the library reads is covered; it raises UnsupportedGeneralNameType, before this is
    called, for the two it does not.
    """
    try:
        extension = extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return SanFacts((), critical=False)
    return SanFacts(tuple(map(_name_of, extension.value)), extension.critical)


def subject_of(name: x509.Name) -> tuple[tuple[str, str], ...]:
    """(dotted OID, text) of every attribute, in order; bit strings become hex."""
    return tuple(
        (attribute.oid.dotted_string, value if isinstance(value, str) else value.hex())
        for attribute in name
        for value in (attribute.value,)
    )


def _name_of(general_name: x509.GeneralName) -> Name:
    match general_name:
        case x509.DNSName(value=value):
            return Name(NameKind.DNS, value)
        case x509.IPAddress(value=address):
            return Name(NameKind.IP, str(address))
        case x509.RFC822Name(value=value):
            return Name(NameKind.EMAIL, value)
        case x509.UniformResourceIdentifier(value=value):
            return Name(NameKind.URI, value)
        case x509.DirectoryName(value=name):
            return Name(NameKind.DIRECTORY, name.rfc4514_string())
        case x509.RegisteredID(value=oid):
            return Name(NameKind.REGISTERED_ID, oid.dotted_string)
        case _:
            assert isinstance(general_name, x509.OtherName)
            return _other_name(general_name.type_id, general_name.value)


def _other_name(type_id: x509.ObjectIdentifier, der: bytes) -> Name:
    if type_id == UPN:
        with suppress(ValueError):
            return Name(NameKind.UPN, asn1.decode_der(str, der))
    return Name(NameKind.OTHER, f"{type_id.dotted_string}={der.hex()}")
