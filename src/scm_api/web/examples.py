"""One coherent set of examples for the contract, and its ids as they are in a live database.

Every request body's example can be sent as it stands where the demo ran: the names are free, the
CSRs are real ones for a name its organization owns, and what a PATCH changes is harmless. Ids
cannot be known beforehand; `with_live_ids` puts those of the demo's certificate in their place.
"""

from typing import Any, Final

from pydantic import ConfigDict
from sqlalchemy import exists, func, select

from scm_api.db.models import (
    ApiKey,
    BulkRenewal,
    BulkRevocation,
    CaBackend,
    Certificate,
    CertificateName,
    Enrollment,
    ExternalAssignment,
    LocalCaBackend,
    OrganizationDomain,
)
from scm_api.db.session import Database

CONNECTOR_ID: Final = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e10"
LOCAL_CA_BACKEND_ID: Final = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e11"
CA_BACKEND_ID: Final = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e12"
ORGANIZATION_ID: Final = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e13"
ADMIN_ID: Final = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e14"
CERTIFICATE_PROFILE_ID: Final = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e15"
DOMAIN_ID: Final = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e16"
ENROLLMENT_ID: Final = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e17"
CERTIFICATE_ID: Final = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e18"
API_KEY_ID: Final = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e19"
BULK_REVOCATION_ID: Final = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e1a"
BULK_RENEWAL_ID: Final = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e1b"
EXTERNAL_ASSIGNMENT_ID: Final = "01980c5e-7a10-7c3e-9a51-2f0d3c6b8e1c"

PATH_PARAMETERS: Final = {
    "connector_id": CONNECTOR_ID,
    "local_ca_backend_id": LOCAL_CA_BACKEND_ID,
    "ca_backend_id": CA_BACKEND_ID,
    "organization_id": ORGANIZATION_ID,
    "admin_id": ADMIN_ID,
    "certificate_profile_id": CERTIFICATE_PROFILE_ID,
    "domain_id": DOMAIN_ID,
    "enrollment_id": ENROLLMENT_ID,
    "certificate_id": CERTIFICATE_ID,
    "api_key_id": API_KEY_ID,
    "bulk_revocation_id": BULK_REVOCATION_ID,
    "bulk_renewal_id": BULK_RENEWAL_ID,
    "external_assignment_id": EXTERNAL_ASSIGNMENT_ID,
}

DNS_NAME: Final = "www.demo.example.com"
CSR: Final = """-----BEGIN CERTIFICATE REQUEST-----
MIIBDTCBswIBADAfMR0wGwYDVQQDDBR3d3cuZGVtby5leGFtcGxlLmNvbTBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABIGrnHYLW3SyNPCfPwn0o0W6NfxokYiuVW5b
iAyFqvwUCicgy/kgg6jRnaRsmuv8e7cymxB6ozmZPV2MHKHWQ3KgMjAwBgkqhkiG
9w0BCQ4xIzAhMB8GA1UdEQQYMBaCFHd3dy5kZW1vLmV4YW1wbGUuY29tMAoGCCqG
SM49BAMCA0kAMEYCIQCBgPtoEkro8wYJ9j8ihZFv5o9b1pN+6GLNlODQzb9cRgIh
AK1AdWlQkkOiydxGSatQyYgOoX4S7K09gkRnwDf36uXU
-----END CERTIFICATE REQUEST-----
"""
RENEWAL_CSR: Final = """-----BEGIN CERTIFICATE REQUEST-----
MIIBDTCBswIBADAfMR0wGwYDVQQDDBR3d3cuZGVtby5leGFtcGxlLmNvbTBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABNdVAlN2W98OiADnJ4MWwJnj1EgHw9ocG75E
SpSTWDeN1pChNY7a48ZPBokRIi4TnLCzCZn4KNhhSXEPl4jFaeKgMjAwBgkqhkiG
9w0BCQ4xIzAhMB8GA1UdEQQYMBaCFHd3dy5kZW1vLmV4YW1wbGUuY29tMAoGCCqG
SM49BAMCA0kAMEYCIQCwWDW846AYKXB737xSNDcJs4hRe5EdFcxRDOGLGcjQSwIh
AJauOBCYQGzMTQkuwSWwp+C+Q70yzOHXSVsJ5vZAXq8l
-----END CERTIFICATE REQUEST-----
"""


def example(**members: Any) -> ConfigDict:
    """Model configuration that gives a request body this example."""
    return ConfigDict(json_schema_extra={"examples": [members]})


async def with_live_ids(contract: str, database: Database) -> str:
    """The contract with ids that exist: those of the newest certificate for the example's name.

    Without such a certificate nothing changes.
    """
    async with database.transaction() as session:
        row = (await session.execute(_LIVE)).one_or_none()
    if row is not None:
        for parameter, placeholder in PATH_PARAMETERS.items():
            contract = contract.replace(placeholder, str(getattr(row, parameter) or placeholder))
    return contract


_LIVE = (
    select(
        Certificate.id.label("certificate_id"),
        Certificate.enrollment_id,
        Certificate.organization_id,
        Certificate.certificate_profile_id,
        Certificate.ca_backend_id,
        CaBackend.local_ca_backend_id,
        LocalCaBackend.connector_id,
        Enrollment.requester_id.label("admin_id"),
        select(OrganizationDomain.id)
        .where(OrganizationDomain.organization_id == Certificate.organization_id)
        .order_by(OrganizationDomain.id.desc())
        .limit(1)
        .scalar_subquery()
        .label("domain_id"),
        select(ApiKey.id)
        .where(ApiKey.revoked_at.is_(None))
        .order_by(ApiKey.id.desc())
        .limit(1)
        .scalar_subquery()
        .label("api_key_id"),
        func.coalesce(  # before there is any, the example shows that it is not there
            select(BulkRevocation.id).order_by(BulkRevocation.id.desc()).limit(1).scalar_subquery(),
            Certificate.id,
        ).label("bulk_revocation_id"),
        func.coalesce(
            select(BulkRenewal.id).order_by(BulkRenewal.id.desc()).limit(1).scalar_subquery(),
            Certificate.id,
        ).label("bulk_renewal_id"),
        func.coalesce(
            select(ExternalAssignment.id)
            .where(ExternalAssignment.organization_id == Certificate.organization_id)
            .limit(1)
            .scalar_subquery(),
            Certificate.id,
        ).label("external_assignment_id"),
    )
    .join(Enrollment, Enrollment.id == Certificate.enrollment_id)
    .join(CaBackend, CaBackend.id == Certificate.ca_backend_id)
    .join(LocalCaBackend, LocalCaBackend.id == CaBackend.local_ca_backend_id)
    .where(
        exists().where(
            CertificateName.certificate_id == Certificate.id, CertificateName.comparable == DNS_NAME
        )
    )
    .order_by(Certificate.id.desc())
    .limit(1)
)
