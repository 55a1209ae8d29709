"""Bodies of `/enrollments`."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from scm_api.core.vocabulary import CertificateType, EnrollmentState, NameKind
from scm_api.web import examples
from scm_api.web.openapi import ProblemFault
from scm_api.web.schemas import Id, Input, Instant, Output, PageOutput, Text


class NameIn(Input):
    """One subjectAltName entry."""

    kind: NameKind = Field(strict=False, examples=["dns"])
    value: str = Field(min_length=1, max_length=1024, examples=["www.demo.example.com"])


class NameOut(Output):
    """One subjectAltName entry, normalised."""

    kind: NameKind
    value: str


class EnrollmentCreate(Input):
    """One certificate, please. The CSR decides key and names; the profile decides the rest."""

    model_config = examples.example(
        organization_id=examples.ORGANIZATION_ID,
        certificate_profile_id=examples.CERTIFICATE_PROFILE_ID,
        csr=examples.CSR,
        names=[{"kind": "dns", "value": examples.DNS_NAME}],
        term_days=90,
        comment="web shop, ticket 4711",
    )

    organization_id: Id
    certificate_profile_id: Id
    csr: str = Field(
        description="PKCS#10 request: one PEM block, or base64 of its DER.", examples=[examples.CSR]
    )
    names: list[NameIn] | None = Field(
        None,
        min_length=1,
        max_length=250,
        description="The names you expect; refused when the CSR holds others. Leave it out to "
        "take them from the CSR.",
    )
    term_days: int | None = Field(
        None, description="One of the profile's terms; its default when left out.", examples=[90]
    )
    not_after: Instant | None = Field(
        None, description="Instead of `term_days`: the instant at which the certificate ends."
    )
    comment: Text = Field("", examples=["web shop, ticket 4711"])


class EnrollmentOut(Output):
    """One request for one certificate."""

    id: UUID
    organization_id: UUID
    certificate_profile_id: UUID
    profile_version: int = Field(description="The profile's version it was judged by.")
    ca_backend_id: UUID
    certificate_type: CertificateType
    requester_id: UUID
    renews_certificate_id: UUID | None
    certificate_id: UUID | None = Field(description="Set once the CA issued it.")
    spki_sha256: str = Field(description="SHA-256 of the public key (SubjectPublicKeyInfo), hex.")
    key_type: str = Field(examples=["ec-p256"])
    common_name: str | None
    names: list[NameOut]
    term_days: int
    not_after: datetime | None
    comment: str
    state: EnrollmentState
    reason_code: str | None = Field(description="Why it waits, is parked or ended.")
    reason: str | None = Field(description="The same in words, with what to do.")
    ca_ref: str | None = Field(description="The CA's own reference of the order.")
    waits_for: str | None = Field(description="What the CA waits for.")
    next_step_at: datetime | None = Field(description="When the service looks at it next.")
    created_at: datetime
    updated_at: datetime
    version: int


class EnrollmentPage(PageOutput):
    """One page of enrollments, newest first."""

    items: list[EnrollmentOut]


class ValidationOut(Output):
    """What an enrollment with this body would meet with."""

    valid: bool
    errors: list[ProblemFault] = Field(description="The faults `POST /enrollments` would list.")
    names: list[NameOut] = Field(description="The names the certificate would carry.")
    key_type: str | None
    term_days: int | None
    not_after: datetime | None


class Decision(Input):
    """Why this is done; kept with the enrollment's audit events."""

    model_config = examples.example(comment="looked at the CA: there is no such certificate")

    comment: Text = ""
