"""Request attributes: lines `Name:Value` beside a request (MS-WCCE 3.2.1.4.2.1.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

_UPN = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


@dataclass(frozen=True, slots=True)
class Attributes:
    """`lines` are as they came; `templates` and `alternative_names` what the CA reads in them.

    What else is named is kept with the request and has no effect.
    """

    lines: tuple[str, ...]
    templates: tuple[str, ...]
    alternative_names: str | None


def read_attributes(text: str) -> Attributes:
    """Lines without a colon are ignored, as are blanks and minus signs within a name."""
    lines = tuple(line for line in text.replace("\r", "\n").split("\n") if line.strip("\0 "))
    templates: list[str] = []
    names: str | None = None
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            continue
        match name.replace(" ", "").replace("-", "").casefold():
            case "certificatetemplate":
                templates.append(value.strip())
            case "san":
                names = value.strip()
    return Attributes(lines, tuple(templates), names)


def alternative_names(text: str) -> Sequence[x509.GeneralName]:
    """The names of `dns=a&dns=b&upn=c`; what is of no known kind is left out."""
    found: list[x509.GeneralName] = []
    for part in text.split("&"):
        kind, _, value = part.partition("=")
        match kind.strip().casefold():
            case "dns":
                found.append(x509.DNSName(value))
            case "email":
                found.append(x509.RFC822Name(value))
            case "upn":
                found.append(principal_name(value))
            case "url":
                found.append(x509.UniformResourceIdentifier(value))
    return found


def principal_name(upn: str) -> x509.OtherName:
    """A user principal name: otherName with a UTF8String."""
    return x509.OtherName(_UPN, _utf8_string(upn))


def _utf8_string(text: str) -> bytes:
    content = text.encode()
    if len(content) > 127:
        size = (len(content).bit_length() + 7) // 8
        return bytes([0x0C, 0x80 | size]) + len(content).to_bytes(size, "big") + content
    return bytes([0x0C, len(content)]) + content
