"""The messages of LDAP that we need (RFC 4511; paged results: RFC 2696; SD flags: MS-ADTS
3.1.1.3.4.1.11) for asn1crypto. Filters are values, never text: nothing can be injected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from asn1crypto import core

from scm_api.drivers.windows.asn1 import (
    any_number,
    application,
    choice,
    sequence,
    sequence_of,
    set_of,
    tagged,
)

_PAGED: Final = "1.2.840.113556.1.4.319"
_SD_FLAGS: Final = "1.2.840.113556.1.4.801"
_DACL: Final = 4
_PAGE: Final = 500

Scope = Literal["base", "one", "subtree"]


@dataclass(frozen=True, slots=True)
class Equal:
    """The attribute has the value, by its own matching rule."""

    attribute: str
    value: str | bytes


@dataclass(frozen=True, slots=True)
class Present:
    """The attribute has any value."""

    attribute: str


@dataclass(frozen=True, slots=True)
class All:
    """Every part is true."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part is true."""

    parts: "tuple[Filter, ...]"


Filter = Equal | Present | All | Either


@dataclass(frozen=True, slots=True)
class Entry:
    """One object; the keys of `attributes` are in lower case."""

    dn: str
    attributes: Mapping[str, tuple[bytes, ...]]

    def values(self, name: str) -> tuple[bytes, ...]:
        """Every value as it came."""
        return self.attributes.get(name.lower(), ())

    def first(self, name: str) -> bytes:
        """The first value as it came, empty where there is none."""
        return next(iter(self.values(name)), b"")

    def texts(self, name: str) -> tuple[str, ...]:
        """Every value as text."""
        return tuple(value.decode("utf-8", "replace") for value in self.values(name))

    def text(self, name: str) -> str | None:
        """The first value, None where there is none."""
        return next(iter(self.texts(name)), None)

    def number(self, name: str, default: int = 0) -> int:
        """The first value as a number. Raises ValueError for what is none."""
        text = self.text(name)
        return default if text is None else int(text)


@dataclass(frozen=True, slots=True)
class Result:
    """How an operation ended: `code` of RFC 4511 appendix A, `message` in the server's words.
    `credentials` answer a SASL bind, `cookie` is there when more pages follow."""

    code: int
    message: str
    credentials: bytes | None = None
    cookie: bytes = b""


_Enumerated = any_number(4096)
_Assertion = sequence(("attribute", core.OctetString), ("value", core.OctetString))
_Filter = choice(
    ("all", None, tagged(0)),
    ("either", None, tagged(1)),
    ("equal", _Assertion, tagged(3)),
    ("present", core.OctetString, tagged(7)),
)
_Filters = set_of(_Filter)
_Filter._alternatives[:2] = [  # noqa: SLF001 -- it contains itself
    ("all", _Filters, tagged(0)),
    ("either", _Filters, tagged(1)),
]
_Sasl = sequence(("mechanism", core.OctetString), ("credentials", core.OctetString))
_BindRequest = sequence(
    ("version", core.Integer),
    ("name", core.OctetString),
    ("how", choice(("simple", core.OctetString, tagged(0)), ("sasl", _Sasl, tagged(3)))),
)
_RESULT = (
    ("code", _Enumerated),
    ("matched", core.OctetString),
    ("message", core.OctetString),
    ("referral", sequence_of(core.OctetString), tagged(3, optional=True)),
)
_SearchRequest = sequence(
    ("base", core.OctetString),
    ("scope", _Enumerated),
    ("aliases", _Enumerated),
    ("entries", core.Integer),
    ("seconds", core.Integer),
    ("types_only", core.Boolean),
    ("filter", _Filter),
    ("attributes", sequence_of(core.OctetString)),
)
_Attribute = sequence(("name", core.OctetString), ("values", set_of(core.OctetString)))
_Entry = sequence(("dn", core.OctetString), ("attributes", sequence_of(_Attribute)))
_Control = sequence(
    ("type", core.OctetString),
    ("critical", core.Boolean, {"default": False}),
    ("value", core.OctetString, {"optional": True}),
)
_Page = sequence(("size", core.Integer), ("cookie", core.OctetString))
_Message = sequence(
    ("id", core.Integer),
    ("operation", choice(
        ("bind", _BindRequest, application(0)),
        ("bound", sequence(*_RESULT, ("credentials", core.OctetString, tagged(7, optional=True))),
         application(1)),
        ("unbind", core.Null, application(2)),
        ("search", _SearchRequest, application(3)),
        ("entry", _Entry, application(4)),
        ("done", sequence(*_RESULT), application(5)),
        ("reference", sequence_of(core.OctetString), application(19)),
        ("extended", sequence(*_RESULT, ("name", core.OctetString, tagged(10, optional=True)),
                               ("value", core.OctetString, tagged(11, optional=True))),
         application(24)),
    )),
    ("controls", sequence_of(_Control), tagged(0, optional=True)),
)  # fmt: skip


def simple_bind(number: int, user: str, password: str) -> bytes:
    """A bind with a name and a password, which must not be empty: that would be anonymous."""
    how = {"simple": password.encode()}
    return _dump(number, "bind", {"version": 3, "name": user.encode(), "how": how})


def sasl_bind(number: int, token: bytes) -> bytes:
    """One leg of a bind by GSS-SPNEGO (MS-ADTS 5.1.1.1.2)."""
    how = {"sasl": {"mechanism": b"GSS-SPNEGO", "credentials": token}}
    return _dump(number, "bind", {"version": 3, "name": b"", "how": how})


def unbind(number: int) -> bytes:
    """Good-bye, which is not answered."""
    return _dump(number, "unbind", None)


def search(
    number: int, base: str, scope: Scope, sought: Filter, attributes: tuple[str, ...], cookie: bytes
) -> bytes:
    """A search, page by page but for a single object; of security descriptors the DACL alone."""
    asked = {
        "base": base.encode(),
        "scope": str(("base", "one", "subtree").index(scope)),
        "aliases": "0",
        "entries": 0,
        "seconds": 0,
        "types_only": False,
        "filter": _filter(sought),
        "attributes": [name.encode() for name in attributes],
    }
    controls = []
    if scope != "base":
        controls.append((_PAGED, _Page({"size": _PAGE, "cookie": cookie}).dump()))
    if "nTSecurityDescriptor" in attributes:
        controls.append((_SD_FLAGS, sequence(("flags", core.Integer))({"flags": _DACL}).dump()))
    return _dump(number, "search", asked, controls)


def read(message: bytes) -> tuple[int, Entry | Result | None]:
    """The number of a reply and what it says; None for what may be skipped (references).

    Raises ValueError for what is no message.
    """
    try:
        found = _Message.load(message, strict=True)
        kind, said = found["operation"].name, found["operation"].chosen
        number = int(found["id"].native)
        if kind == "entry":
            return number, Entry(said["dn"].native.decode(), dict(_attributes(said)))
        if kind in ("bound", "done", "extended"):
            return number, _result(kind, said, found["controls"])
    except (KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError("no message of LDAP") from error
    return number, None


def _result(kind: str, said: Any, controls: Any) -> Result:
    text = said["message"].native.decode("utf-8", "replace")
    credentials = said["credentials"].native if kind == "bound" else None
    cookie = b""
    for control in controls if controls.native else ():
        if control["type"].native == _PAGED.encode():
            cookie = _Page.load(control["value"].native)["cookie"].native
    return Result(int(said["code"].native), text, credentials, cookie)


def _attributes(said: Any) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    for each in said["attributes"]:
        name = each["name"].native.decode()
        if ";range=" in name and not name.endswith("-*"):
            raise ValueError(f"{name} has more values than are sent at once")
        yield name.partition(";")[0].lower(), tuple(value.native for value in each["values"])


def _filter(sought: Filter) -> Any:
    match sought:
        case Equal(attribute, value):
            raw = value.encode() if isinstance(value, str) else value
            return _Filter("equal", _Assertion({"attribute": attribute.encode(), "value": raw}))
        case Present(attribute):
            return _Filter("present", attribute.encode())
        case All(parts):
            return _Filter("all", _Filters([_filter(part) for part in parts]))
        case Either(parts):
            return _Filter("either", _Filters([_filter(part) for part in parts]))


def _dump(
    number: int, kind: str, content: Any, controls: list[tuple[str, bytes]] | None = None
) -> bytes:
    fields: dict[str, Any] = {"id": number, "operation": {kind: content}}
    if controls:
        fields["controls"] = [
            {"type": name.encode(), "critical": True, "value": value} for name, value in controls
        ]
    raw: bytes = _Message(fields).dump()
    return raw
