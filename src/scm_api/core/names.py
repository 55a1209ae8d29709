"""Names a certificate can carry, in one spelling each, so that comparing text is enough.

DNS names become lower-case A-labels by strict IDNA 2008 (RFC 5891). No mapping of UTS 46 is
applied: a character that would have to be mapped is refused, because the mapped name can belong
to somebody else. A label that mixes scripts (UTS 39) is refused, because it reads as another.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import idna

from scm_api.core import scripts
from scm_api.core.errors import Fault
from scm_api.core.explain import quoted
from scm_api.core.vocabulary import NameKind

_MAX_NAME = 1024
_MAX_DNS_NAME = 253
_MAX_LABEL = 63
_MAX_EMAIL_LOCAL_PART = 64
_LABELS_REMEMBERED: Final = 8_192

_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_PLAIN_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DOT_ATOM = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?(.*)")
_AUTHORITY = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]+))(:[0-9]{1,5})?")

# What people give in place of a DNS name, in the order in which they are looked for.
_MISTAKEN_FOR_DNS: Final = (
    (re.compile(r"://"), "it is a URL, of which the host alone belongs here"),
    (re.compile(r"@"), "it is an e-mail address"),
    (re.compile(r"\s"), "it holds a blank"),
    (re.compile(r"/"), "it holds a path"),
    (re.compile(r":[0-9]+$"), "it holds a port"),
)
_DNS_ACCEPTED = (
    "labels of letters, digits and inner hyphens, at most 63 characters each and 253 together; "
    "international names as U-labels of IDNA 2008 or as xn-- labels"
)
_WILDCARD_ACCEPTED = "'*' alone as the left-most label, as in *.example.com"
_ADDRESS_ACCEPTED = "one IPv4 address such as 192.0.2.1 or one IPv6 address such as 2001:db8::1"


@dataclass(frozen=True, slots=True)
class Name:
    """One subjectAltName entry. `value` is text; `normalise` gives its only spelling."""

    kind: NameKind
    value: str

    def __str__(self) -> str:
        return f"{self.kind} {quoted(self.value)}"


def names_as_json(names: Iterable[Name]) -> list[dict[str, str]]:
    """Names as they are kept and shown."""
    return [{"kind": name.kind.value, "value": name.value} for name in names]


def names_from(content: Iterable[Mapping[str, str]]) -> list[Name]:
    """The names that `names_as_json` wrote."""
    return [Name(NameKind(each["kind"]), each["value"]) for each in content]


def normalise(name: Name, pointer: str = "") -> Name | Fault:
    """The name in its only spelling, or the fault that keeps it from being a name.

    Normalising a normalised name changes nothing. Codes: `name-invalid`,
    `wildcard-not-allowed` (a `*` that is not the whole left-most label), `address-not-allowed`
    (not one plain address).
    """
    if not name.value or len(name.value) > _MAX_NAME:
        detail = f"A name has 1 to {_MAX_NAME:,} characters."
        return Fault(pointer, "name-invalid", detail)
    match name.kind:
        case NameKind.DNS:
            return _normalise_dns(name.value, pointer)
        case NameKind.IP:
            return _normalise_address(name.value, pointer)
        case NameKind.EMAIL:
            return _normalise_email(name.value, pointer)
        case NameKind.URI:
            return _normalise_uri(name.value, pointer)
        case NameKind.UPN:
            return _normalise_upn(name.value, pointer)
        case _:
            if not name.value.isprintable():
                detail = f"{quoted(name.value)} holds control or invisible characters."
                return Fault(pointer, "name-invalid", detail)
            return name


def respelled(name: Name) -> Name:
    """The name in its only spelling; one that has none stays as it is."""
    found = normalise(name)
    return name if isinstance(found, Fault) else found


def comparable(name: Name) -> str:
    """What a name in a certificate is looked up by: its only spelling without regard to case, where
    it has one. In e-mail addresses and URIs case may matter, but not to who looks for them."""
    if name.kind is NameKind.IP:
        with suppress(ValueError):
            return str(ipaddress.ip_address(name.value))
    normalised = normalise(name)
    spelled = normalised.value if isinstance(normalised, Name) else name.value.removesuffix(".")
    return ascii_lower(spelled)


def possible_comparables(text: str) -> frozenset[str]:
    """What names may be looked up by that somebody spells like this, whatever their kind."""
    return frozenset(comparable(Name(kind, text)) for kind in NameKind)


def ascii_lower(text: str) -> str:
    """Lower case for A to Z only; `str.lower` would turn the Kelvin sign into a `k`."""
    return text.translate(_ASCII_LOWER)


def _normalise_dns(value: str, pointer: str) -> Name | Fault:
    domain = ascii_lower(value).removesuffix(".")
    base = domain.removeprefix("*.")
    if "*" in base:
        detail = f"In {quoted(value)} the wildcard is not the whole left-most label."
        return Fault(pointer, "wildcard-not-allowed", detail, _WILDCARD_ACCEPTED)
    try:
        labels = [_a_label(label) for label in base.split(".")]
    except ValueError as error:
        mistaken = (words for form, words in _MISTAKEN_FOR_DNS if form.search(value))
        why = next(mistaken, str(error).rstrip("."))
        detail = f"{quoted(value)} is not a DNS name: {why}."
        return Fault(pointer, "name-invalid", detail, _DNS_ACCEPTED)
    if _NUMBER.fullmatch(labels[-1]):
        detail = (
            f"{quoted(value)} ends in a number, so it is an address in some spelling "
            "and not a DNS name."
        )
        return Fault(pointer, "name-invalid", detail, "IP addresses as names of kind ip")
    canonical = domain[: len(domain) - len(base)] + ".".join(labels)
    if len(canonical) > _MAX_DNS_NAME:
        detail = f"{quoted(value)} has {len(canonical)} characters as a DNS name."
        return Fault(pointer, "name-invalid", detail, _DNS_ACCEPTED)
    return Name(NameKind.DNS, canonical)


def _a_label(label: str) -> str:
    """One label as RFC 5891 looks it up. Raises ValueError with the rule that refuses it.

    Underscores pass: RFC 2181 section 11 allows them in a name, and whether a certificate may
    carry one is for the profile to say.
    """
    if _PLAIN_LABEL.fullmatch(label) and label[2:4] != "--":
        return label
    if len(label) > _MAX_LABEL:
        raise ValueError("the label is too long")
    # Punycode can be reversed, so judging the A-label judges the U-label.
    a_label = label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
    _reads_as_latin(a_label)
    return a_label


@lru_cache(_LABELS_REMEMBERED)
def _reads_as_latin(a_label: str) -> bool:
    """Whether the label looks Latin and is not. Raises ValueError with the rule that refuses it.

    Remembered, because judging a label takes some 50 microseconds and names share labels.
    """
    if len(a_label) > _MAX_LABEL:
        raise ValueError("the label is too long")
    shown = idna.ulabel(a_label)
    if mixture := scripts.mixed_scripts(shown):
        listed = " and ".join(mixture)
        raise ValueError(f"the label {quoted(shown)} mixes the scripts {listed} (UTS 39)")
    return scripts.reads_as_latin(shown)


def homograph_of_latin(domain: str) -> bool:
    """Whether a label of this normalised DNS name looks Latin and is of another script.

    Below a top-level domain in letters other than ASCII nobody expects Latin.
    """
    if "xn--" not in domain:
        return False
    labels = domain.split(".")
    return not labels[-1].startswith("xn--") and any(
        _reads_as_latin(label) for label in labels if label.startswith("xn--")
    )


def _normalise_address(value: str, pointer: str) -> Name | Fault:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        detail = f"{quoted(value)} is not an IP address."
        return Fault(pointer, "address-not-allowed", detail, _ADDRESS_ACCEPTED)
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            detail = f"{quoted(value)} has a zone, which only means something on one machine."
            return Fault(pointer, "address-not-allowed", detail, _ADDRESS_ACCEPTED)
        if address.ipv4_mapped is not None:
            detail = f"{quoted(value)} is an IPv4 address in IPv6 clothing."
            return Fault(pointer, "address-not-allowed", detail, str(address.ipv4_mapped))
    return Name(NameKind.IP, str(address))


def _normalise_email(value: str, pointer: str) -> Name | Fault:
    local_part, at, domain = value.rpartition("@")
    if not at or len(local_part) > _MAX_EMAIL_LOCAL_PART or not _DOT_ATOM.fullmatch(local_part):
        detail = f"{quoted(value)} is not an e-mail address of RFC 5321 without quoting."
        return Fault(pointer, "name-invalid", detail, "mailbox@example.com")
    host = _normalise_dns(domain, pointer) if domain else None
    if not isinstance(host, Name) or host.value.startswith("*"):
        detail = f"The domain of {quoted(value)} is not a DNS name."
        return Fault(pointer, "name-invalid", detail, "mailbox@example.com")
    return Name(NameKind.EMAIL, f"{local_part}@{host.value}")


def _normalise_upn(value: str, pointer: str) -> Name | Fault:
    """[MS-ADTS] section 5.1.1.1.1: an account name, `@` and a domain."""
    account, _, domain = value.rpartition("@")
    is_plain = account.isprintable() and not {"@", " "} & set(account)
    is_composed = unicodedata.is_normalized("NFC", account)
    if not account or not is_plain or not is_composed or scripts.mixed_scripts(account):
        detail = (
            f"{quoted(value)} is not a user principal name whose account is composed (NFC), "
            "of one script and without blanks."
        )
        return Fault(pointer, "name-invalid", detail, "account@example.com")
    host = _normalise_dns(domain, pointer) if domain else None
    if not isinstance(host, Name) or host.value.startswith("*"):
        detail = f"The domain of {quoted(value)} is not a DNS name."
        return Fault(pointer, "name-invalid", detail, "account@example.com")
    return Name(NameKind.UPN, f"{account}@{host.value}")


def _normalise_uri(value: str, pointer: str) -> Name | Fault:
    parts = _URI.fullmatch(value) if value.isascii() and value.isprintable() else None
    scheme, authority, rest = parts.groups() if parts else ("", None, "")
    if not (authority or rest) or "@" in (authority or "") or " " in value:
        detail = f"{quoted(value)} is not an absolute URI of RFC 3986 without user information."
        return Fault(pointer, "name-invalid", detail, "scheme:rest in printable ASCII")
    if not authority:
        slashes = "" if authority is None else "//"
        return Name(NameKind.URI, f"{scheme.lower()}:{slashes}{rest}")
    spelled = _authority(authority)
    if spelled is None:
        detail = f"The host of {quoted(value)} is neither a DNS name nor an address."
        return Fault(pointer, "name-invalid", detail, "scheme://host.example.com/path")
    return Name(NameKind.URI, f"{scheme.lower()}://{spelled}{rest}")


def _authority(authority: str) -> str | None:
    """Host and port with the host in its only spelling."""
    parts = _AUTHORITY.fullmatch(authority)
    literal, host, port = parts.groups(default="") if parts else ("", "", "")
    address = _normalise_address(literal or host, "")
    if isinstance(address, Name) and (":" in address.value) == bool(literal):
        return f"[{address.value}]{port}" if literal else f"{address.value}{port}"
    name = _normalise_dns(host, "") if host else None
    if isinstance(name, Name) and not name.value.startswith("*"):
        return f"{name.value}{port}"
    return None


def scheme_and_host(uri: str) -> tuple[str, str]:
    """Scheme and host of a normalised URI; the host is empty where there is none."""
    parts = _URI.fullmatch(uri)
    assert parts is not None
    scheme, authority, _ = parts.groups(default="")
    found = _AUTHORITY.fullmatch(authority)
    return scheme, (found[1] or found[2]) if found else ""
