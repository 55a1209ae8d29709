"""The shape of ApiPassthrough (API model, version 2017-08-22)."""

from scm_api.sandbox.aws.members import Member

_PRINTABLE = r"[a-zA-Z0-9'()+-.?:/= ]*"
_OID = r"([0-2])\.([0-9]|([0-3][0-9]))((\.([0-9]+)){0,126})"
_BASE64 = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_USAGES = (
    "SERVER_AUTH",
    "CLIENT_AUTH",
    "CODE_SIGNING",
    "EMAIL_PROTECTION",
    "TIME_STAMPING",
    "OCSP_SIGNING",
    "SMART_CARD_LOGIN",
    "DOCUMENT_SIGNING",
    "CERTIFICATE_TRANSPARENCY",
)


def _text(name: str, high: int, *, required: bool = False, low: int = 0) -> Member:
    return Member(name, str, required, low=low, high=high)


def _oid(name: str = "ObjectIdentifier", *, required: bool = False) -> Member:
    return Member(name, str, required, low=0, high=64, pattern=_OID)


def _structure(name: str, *members: Member, required: bool = False) -> Member:
    return Member(name, dict, required, members=members)


def _list(name: str, high: int, item: Member) -> Member:
    return Member(name, list, low=1, high=high, item=item)


def _subject(name: str) -> Member:
    attribute = _structure("member", _oid(required=True), _text("Value", 256, required=True, low=1))
    return _structure(
        name,
        Member("Country", str, low=2, high=2, pattern="[A-Za-z]{2}"),
        Member("DistinguishedNameQualifier", str, low=0, high=64, pattern=_PRINTABLE),
        Member("SerialNumber", str, low=0, high=64, pattern=_PRINTABLE),
        *(
            _text(each, 64)
            for each in ("Organization", "OrganizationalUnit", "CommonName", "Title")
        ),
        *(_text(each, 128) for each in ("State", "Locality", "Pseudonym")),
        _text("Surname", 40),
        _text("GivenName", 16),
        _text("Initials", 5),
        _text("GenerationQualifier", 3),
        _list("CustomAttributes", 150, attribute),
    )


_GENERAL_NAME = _structure(
    "member",
    _structure("OtherName", _oid("TypeId", required=True), _text("Value", 256, required=True)),
    _text("Rfc822Name", 256),
    _text("DnsName", 253),
    _subject("DirectoryName"),
    _structure("EdiPartyName", _text("PartyName", 256, required=True), _text("NameAssigner", 256)),
    _text("UniformResourceIdentifier", 253),
    _text("IpAddress", 39),
    _oid("RegisteredId"),
)
_POLICY = _structure(
    "member",
    _oid("CertPolicyId", required=True),
    _list(
        "PolicyQualifiers",
        20,
        _structure(
            "member",
            Member("PolicyQualifierId", str, required=True, one_of=("CPS",)),
            _structure("Qualifier", _text("CpsUri", 256, required=True), required=True),
        ),
    ),
)
_USAGE = _structure(
    "member",
    Member("ExtendedKeyUsageType", str, one_of=_USAGES),
    _oid("ExtendedKeyUsageObjectIdentifier"),
)
_CUSTOM_EXTENSION = _structure(
    "member",
    _oid(required=True),
    Member("Value", str, required=True, low=1, high=4096, pattern=_BASE64),
    Member("Critical", bool),
)
_KEY_USAGE = (
    "DigitalSignature",
    "NonRepudiation",
    "KeyEncipherment",
    "DataEncipherment",
    "KeyAgreement",
    "KeyCertSign",
    "CRLSign",
    "EncipherOnly",
    "DecipherOnly",
)

API_PASSTHROUGH = _structure(
    "ApiPassthrough",
    _structure(
        "Extensions",
        _list("CertificatePolicies", 20, _POLICY),
        _list("ExtendedKeyUsage", 20, _USAGE),
        _structure("KeyUsage", *(Member(name, bool) for name in _KEY_USAGE)),
        _list("SubjectAlternativeNames", 150, _GENERAL_NAME),
        _list("CustomExtensions", 150, _CUSTOM_EXTENSION),
    ),
    _subject("Subject"),
)
