"""All tables, one noun a file; importing this package fills `Base.metadata`."""

from scm_api.db.models.access import Admin, ApiKey
from scm_api.db.models.account import AccountSettings
from scm_api.db.models.audit import AuditEvent, AuditSeal, IdempotencyRecord
from scm_api.db.models.bulk_renewals import BulkRenewal
from scm_api.db.models.bulk_revocations import BulkRevocation, BulkRevocationCertificate
from scm_api.db.models.ca_backends import CaBackend, CaBackendHealth, CaChoices, RateLimit
from scm_api.db.models.certificate_profiles import (
    CertificateProfile,
    CertificateProfileDelegation,
    CertificateProfileVersion,
)
from scm_api.db.models.certificates import (
    BlockedKey,
    Certificate,
    CertificateName,
    CertificateText,
)
from scm_api.db.models.connectors import Connector, LocalCaBackend
from scm_api.db.models.enrollments import Enrollment, EnrollmentAttempt
from scm_api.db.models.external_assignments import ExternalAssignment
from scm_api.db.models.organizations import (
    Organization,
    OrganizationDomain,
    OrganizationDomainDelegation,
)

__all__ = [
    "AccountSettings",
    "Admin",
    "ApiKey",
    "AuditEvent",
    "AuditSeal",
    "BlockedKey",
    "BulkRenewal",
    "BulkRevocation",
    "BulkRevocationCertificate",
    "CaBackend",
    "CaBackendHealth",
    "CaChoices",
    "Certificate",
    "CertificateName",
    "CertificateProfile",
    "CertificateProfileDelegation",
    "CertificateProfileVersion",
    "CertificateText",
    "Connector",
    "Enrollment",
    "EnrollmentAttempt",
    "ExternalAssignment",
    "IdempotencyRecord",
    "LocalCaBackend",
    "Organization",
    "OrganizationDomain",
    "OrganizationDomainDelegation",
    "RateLimit",
]
