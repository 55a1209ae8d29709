"""The shape of each request: what the service checks before it looks at anything else.

Lengths, patterns and enumerations come from the API model (version 2017-08-22). SDKs check
little of it, so the words of the refusals are the service's own.
"""

from collections.abc import Mapping
from typing import Any

from scm_api.sandbox.aws.catalogue import ALL_SIGNING_ALGORITHMS
from scm_api.sandbox.aws.errors import validation
from scm_api.sandbox.aws.members import Member, broken
from scm_api.sandbox.aws.passthrough_constraints import API_PASSTHROUGH

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
_REPORT_ID = r"[a-z0-9]{8}-[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{12}"
_LATIN = r"[\u0009\u000A\u000D\u0020-\u00FF]*"


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
        API_PASSTHROUGH,
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
        Member("AuditReportId", str, required=True, low=36, high=36, pattern=_REPORT_ID),
    ),
}


def check_request(operation: str, parameters: Mapping[str, Any]) -> None:
    """Raises ApiError SerializationException for a wrong JSON type and ValidationException
    with every broken constraint."""
    found = list(broken(REQUESTS[operation], parameters))
    if not found:
        return
    count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
    raise validation(f"{count}: {'; '.join(found)}")
