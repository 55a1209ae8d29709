"""The shape of each request: what the service checks before it looks at anything else.

Lengths, patterns and enumerations come from the API model (version 2017-08-22). SDKs check
little of it, so the words of the refusals are the service's own.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scm_api.sandbox.aws.catalogue import ALL_SIGNING_ALGORITHMS
from scm_api.sandbox.aws.errors import ApiError, validation

MAX_CSR_BYTES = 32_768
REVOCATION_REASONS = (
    "UNSPECIFIED",
    "KEY_COMPROMISE",
    "CERTIFICATE_AUTHORITY_COMPROMISE",
    "AFFILIATION_CHANGED",
    "SUPERSEDED",
    "CESSATION_OF_OPERATION",
    "PRIVILEGE_WITHDRAWN",
    "A_A_COMPROMISE",
)
_VALIDITY_TYPES = ("END_DATE", "ABSOLUTE", "DAYS", "MONTHS", "YEARS")
_ARN = r"arn:[\w+=/,.@-]+:acm-pca:[\w+=/,.@-]*:[0-9]*:[\w+=,.@-]+(/[\w+=,.@-]+)*"
_LATIN = r"[\u0009\u000A\u000D\u0020-\u00FF]*"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a request. `low` and `high` bound a text's length or a number's value."""

    name: str
    kind: type
    required: bool = False
    low: int | None = None
    high: int | None = None
    pattern: str | None = None
    one_of: tuple[str, ...] = ()
    members: tuple["Member", ...] = ()
    blob: bool = False


def _arn(name: str, *, required: bool = True) -> Member:
    return Member(name, str, required, low=5, high=200, pattern=_ARN)


def _validity(name: str, *, required: bool) -> Member:
    members = (
        Member("Value", int, required=True, low=1),
        Member("Type", str, required=True, one_of=_VALIDITY_TYPES),
    )
    return Member(name, dict, required, members=members)


_CA = _arn("CertificateAuthorityArn")
REQUESTS: Mapping[str, tuple[Member, ...]] = {
    "ListCertificateAuthorities": (
        Member("MaxResults", int, low=1, high=1000),
        Member("NextToken", str, low=1, high=43_739),
        Member("ResourceOwner", str, one_of=("SELF", "OTHER_ACCOUNTS")),
    ),
    "DescribeCertificateAuthority": (_CA,),
    "GetCertificateAuthorityCertificate": (_CA,),
    "GetCertificateAuthorityCsr": (_CA,),
    "IssueCertificate": (
        _CA,
        Member("Csr", str, required=True, low=1, high=MAX_CSR_BYTES, blob=True),
        Member("SigningAlgorithm", str, required=True, one_of=ALL_SIGNING_ALGORITHMS),
        _arn("TemplateArn", required=False),
        _validity("Validity", required=True),
        _validity("ValidityNotBefore", required=False),
        Member("IdempotencyToken", str, low=1, high=36, pattern=_LATIN),
        Member("ApiPassthrough", dict),
    ),
    "GetCertificate": (_CA, _arn("CertificateArn")),
    "RevokeCertificate": (
        _CA,
        Member("CertificateSerial", str, required=True, low=0, high=128),
        Member("RevocationReason", str, required=True, one_of=REVOCATION_REASONS),
    ),
    "CreateCertificateAuthorityAuditReport": (
        _CA,
        Member("S3BucketName", str, required=True, low=3, high=63),
        Member("AuditReportResponseFormat", str, required=True, one_of=("JSON", "CSV")),
    ),
    "DescribeCertificateAuthorityAuditReport": (
        _CA,
        Member("AuditReportId", str, required=True, low=36, high=36),
    ),
}


def check_request(operation: str, parameters: Mapping[str, Any]) -> None:
    """Raises ApiError SerializationException for a wrong JSON type and ValidationException
    with every broken constraint."""
    broken = list(_broken(REQUESTS[operation], parameters, ""))
    if not broken:
        return
    count = f"{len(broken)} validation error{'s' if len(broken) > 1 else ''} detected"
    raise validation(f"{count}: {'; '.join(broken)}")


def decode_blob(text: str) -> bytes:
    """The bytes of a blob member. Raises ApiError SerializationException if not base64."""
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ApiError("SerializationException", f"Invalid base64: {error}") from error


def _broken(members: tuple[Member, ...], given: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for member in members:
        path = f"{prefix}{member.name[0].lower()}{member.name[1:]}"
        value = given.get(member.name)
        if value is None:
            if member.required:
                yield _sentence("null", path, "Member must not be null")
            continue
        _check_kind(member, value)
        if member.members:
            yield from _broken(member.members, value, f"{path}.")
        else:
            yield from _broken_value(member, decode_blob(value) if member.blob else value, path)


def _check_kind(member: Member, value: Any) -> None:
    if not isinstance(value, member.kind) or isinstance(value, bool):
        raise ApiError("SerializationException", f"{member.name} is not a {member.kind.__name__}")


def _broken_value(member: Member, value: Any, path: str) -> Iterator[str]:
    sized, noun = (value, "value") if member.kind is int else (_length(value), "length")
    shown = "<blob>" if member.blob else f"'{value}'"
    if member.low is not None and sized < member.low:
        yield _sentence(
            shown, path, f"Member must have {noun} greater than or equal to {member.low}"
        )
    if member.high is not None and sized > member.high:
        yield _sentence(shown, path, f"Member must have {noun} less than or equal to {member.high}")
    if member.pattern and not re.fullmatch(member.pattern, value):
        yield _sentence(
            shown, path, f"Member must satisfy regular expression pattern: {member.pattern}"
        )
    if member.one_of and value not in member.one_of:
        accepted = f"[{', '.join(member.one_of)}]"
        yield _sentence(shown, path, f"Member must satisfy enum value set: {accepted}")


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes) else 0


def _sentence(shown: str, path: str, constraint: str) -> str:
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"
