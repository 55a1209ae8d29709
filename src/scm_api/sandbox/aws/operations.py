"""Which function answers which operation."""

from collections.abc import Mapping

from scm_api.sandbox.aws import (
    audit_report_operations,
    authority_operations,
    certificate_operations,
    sts_operations,
)
from scm_api.sandbox.aws.context import Operation

BY_SERVICE: Mapping[str, Mapping[str, Operation]] = {
    "acm-pca": {
        "CreateCertificateAuthorityAuditReport": audit_report_operations.create_audit_report,
        "DescribeCertificateAuthority": authority_operations.describe_certificate_authority,
        "DescribeCertificateAuthorityAuditReport": audit_report_operations.describe_audit_report,
        "GetCertificate": certificate_operations.get_certificate,
        "GetCertificateAuthorityCertificate": (
            authority_operations.get_certificate_authority_certificate
        ),
        "GetCertificateAuthorityCsr": authority_operations.get_certificate_authority_csr,
        "IssueCertificate": certificate_operations.issue_certificate,
        "ListCertificateAuthorities": authority_operations.list_certificate_authorities,
        "RevokeCertificate": certificate_operations.revoke_certificate,
    },
    "sts": {
        "AssumeRole": sts_operations.assume_role,
        "GetCallerIdentity": sts_operations.get_caller_identity,
    },
    "s3": {"GetObject": audit_report_operations.get_object},
}
