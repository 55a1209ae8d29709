"""What was handed in: a PKCS#10, alone, signed by an agent in CMS, or within CMC in CMS."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from asn1crypto import cms, core
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from scm_api.sandbox.microsoft import hresults as H  # noqa: N812 -- a table of codes
from scm_api.sandbox.microsoft.hresults import Refusal

PARSING: Final = "parsing"
UNREADABLE: Final = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the libraries raise for bytes that are not what they should be, some of them late."""
_NAME_VALUE: Final = "1.3.6.1.4.1.311.13.2.1"
_REG_INFO: Final = "1.3.6.1.5.5.7.7.18"
_DATA: Final = "1.2.840.113549.1.7.1"
_PKI_DATA: Final = "1.3.6.1.5.5.7.12.2"
_TEMPLATE_V1: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2")
_TEMPLATE_V2: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.21.7")


class _Pair(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [("name", core.BMPString), ("value", core.BMPString)]  # noqa: RUF012 -- as it wants


class _Values(core.SetOf):  # type: ignore[misc]  # asn1crypto has no types
    _child_spec = core.Any


class _TaggedAttribute(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [  # noqa: RUF012 -- as it wants
        ("body_part_id", core.Integer),
        ("kind", core.ObjectIdentifier),
        ("values", _Values),
    ]


class _TaggedAttributes(core.SequenceOf):  # type: ignore[misc]  # asn1crypto has no types
    _child_spec = _TaggedAttribute


class _TaggedRequest(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [("body_part_id", core.Integer), ("request", core.Any)]  # noqa: RUF012 -- as it wants


class _Request(core.Choice):  # type: ignore[misc]  # asn1crypto has no types
    _alternatives = [("tcr", _TaggedRequest, {"implicit": 0})]  # noqa: RUF012 -- as it wants


class _Requests(core.SequenceOf):  # type: ignore[misc]  # asn1crypto has no types
    _child_spec = _Request


class _PkiData(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [  # noqa: RUF012 -- as it wants
        ("controls", _TaggedAttributes),
        ("requests", _Requests),
        ("content", core.Any),
        ("others", core.Any),
    ]


class _TemplateV2(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [  # noqa: RUF012 -- as it wants
        ("oid", core.ObjectIdentifier),
        ("major", core.Integer, {"optional": True}),
        ("minor", core.Integer, {"optional": True}),
    ]


@dataclass(frozen=True, slots=True)
class Submission:
    """`signed` is the CMS around the request, `requester` whom it names, `DOMAIN\\sam`;
    `templates` are those named in the request itself, by cn or OID."""

    csr: x509.CertificateSigningRequest
    signed: Any | None
    requester: str | None
    templates: tuple[str, ...]

    @property
    def csr_der(self) -> bytes:
        return self.csr.public_bytes(Encoding.DER)


def read_submission(request: bytes) -> Submission:
    """Raises Refusal for what cannot be read."""
    try:
        submission = _read(request)
        submission.csr.public_key()
    except UNREADABLE as error:
        raise Refusal(H.INVALID_DATA, PARSING) from error
    return submission


def _read(request: bytes) -> Submission:
    try:
        csr = x509.load_der_x509_csr(request)
    except (ValueError, x509.InvalidVersion):
        return _read_cms(request)
    return Submission(csr, None, None, _templates_in(csr))


def _read_cms(request: bytes) -> Submission:
    envelope = cms.ContentInfo.load(request, strict=True)
    if envelope["content_type"].native != "signed_data":
        raise Refusal(H.INVALID_DATA, PARSING)
    signed = envelope["content"]
    content = signed_content(signed)
    pairs = dict(_pairs(signed))
    kind = signed["encap_content_info"]["content_type"].dotted
    if kind not in (_DATA, _PKI_DATA):
        raise Refusal(H.INVALID_DATA, PARSING)
    if kind == _PKI_DATA:
        data = _PkiData.load(content)
        pairs |= _reg_info(data)
        content = data["requests"][0].chosen["request"].dump()
    csr = x509.load_der_x509_csr(content)
    named = _templates_in(csr)
    if "certificatetemplate" in pairs:
        named = (*named, pairs["certificatetemplate"])
    return Submission(csr, signed, pairs.get("requestername"), named)


def signed_content(signed: Any) -> bytes:
    """What the signature is about: the octets within the OCTET STRING."""
    content = signed["encap_content_info"]["content"]
    if isinstance(content, core.Any):
        content = content.parse(core.OctetString)
    octets: bytes = bytes(content)
    return octets


def _pairs(signed: Any) -> Iterator[tuple[str, str]]:
    """The EnrollmentNameValuePairs among the signed attributes; names are in any case."""
    for signer in signed["signer_infos"]:
        attributes = signer["signed_attrs"]
        for attribute in attributes if attributes.native is not None else ():
            if attribute["type"].dotted == _NAME_VALUE:
                for value in attribute["values"]:
                    pair = _Pair.load(value.dump())
                    yield pair["name"].native.casefold(), pair["value"].native


def _reg_info(data: Any) -> dict[str, str]:
    """`name=value&name=value`, percent-escaped, in the control id-cmc-regInfo."""
    found: dict[str, str] = {}
    for control in data["controls"]:
        if control["kind"].dotted == _REG_INFO:
            for value in control["values"]:
                text = core.OctetString.load(value.dump()).native.decode()
                for part in text.split("&"):
                    name, _, escaped = part.partition("=")
                    found[unquote(name).casefold()] = unquote(escaped)
    return found


def _templates_in(csr: x509.CertificateSigningRequest) -> tuple[str, ...]:
    found: list[str] = []
    for extension in csr.extensions:
        value = extension.value
        if isinstance(value, x509.MSCertificateTemplate):
            found.append(value.template_id.dotted_string)
        elif isinstance(value, x509.UnrecognizedExtension):
            if value.oid == _TEMPLATE_V1:
                found.append(core.load(value.value).native)
            elif value.oid == _TEMPLATE_V2:
                found.append(_TemplateV2.load(value.value)["oid"].native)
    return tuple(found)
