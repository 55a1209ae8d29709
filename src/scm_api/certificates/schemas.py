"""Bodies of `/certificates`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Body
from pydantic import Field

from scm_api.core.renewal_window import RenewalAdvice
from scm_api.core.vocabulary import (
    CertificateStatus,
    CertificateType,
    EnrollmentState,
    NameKind,
    RevocationReason,
    RevocationState,
)
from scm_api.web import examples
from scm_api.web.schemas import Input, Instant, Output, PageOutput, Text
from scm_api.web.term import TermOut


class CertificateNameOut(Output):
    """One subjectAltName entry."""

    kind: NameKind
    value: str


class RevocationOut(Output):
    """How far a revocation is; `done` is said only when the CA did it."""

    state: RevocationState
    reason: RevocationReason = Field(
        description="What the CA is told. It stays so when the key turns out to be compromised "
        "once it was told: then `key_blocked` of the certificate says that."
    )
    detail: str | None = Field(
        description="Why it is not done, by the CA or an admin, or what the CA waits for."
    )
    requested_at: datetime
    requester_id: UUID | None = Field(description="The admin who asked for it.")
    approval_expires_at: datetime | None = Field(
        description="Until then it has to be approved or declined, where that is required."
    )
    effective_at: datetime | None = Field(
        description="When the CA is told, at the earliest; null: at once."
    )
    self_approved: bool = Field(
        description="Whether one admin can have asked and approved, as the settings allowed."
    )
    revoked_at: datetime | None


class CertificateOut(Output):
    """One certificate's facts; `/content` holds the certificate itself."""

    id: UUID
    enrollment_id: UUID
    organization_id: UUID
    certificate_profile_id: UUID
    ca_backend_id: UUID
    certificate_type: CertificateType
    status: CertificateStatus = Field(description="As of now; expiry needs no job to be seen.")
    serial_number: str = Field(description="Lower-case hex.", examples=["5f3ab2"])
    issuer: str = Field(examples=["CN=Demo EC Root,O=Example"])
    subject: str
    common_name: str | None
    names: list[CertificateNameOut]
    not_before: datetime
    not_after: datetime
    term: TermOut
    renewal_opens_at: datetime = Field(
        description="When it should be renewed at the earliest; see `/renewal-info`."
    )
    renewal_problem: str | None = Field(
        description="Why the service, by the profile's `auto_renew`, could not renew it itself."
    )
    key_type: str
    signature_algorithm: str
    spki_sha256: str
    key_blocked: bool = Field(
        description="Whether the key is known to be compromised, so that no organization gets a "
        "certificate for it any more."
    )
    fingerprint_sha256: str
    chain_complete: bool
    notes: list[str] = Field(description="Accepted differences between order and certificate.")
    quarantined: list[str] | None = Field(description="Why it is not what was asked, if so.")
    revocation: RevocationOut | None
    deactivated_at: datetime | None = Field(
        description="When its unit was given back to the inventory of the CA's account. It is not "
        "revoked by that."
    )
    renews_certificate_id: UUID | None
    renewed_by_certificate_ids: list[UUID]
    ca_ref: str = Field(description="The CA's own reference.")
    created_at: datetime
    version: int


class CertificatePage(PageOutput):
    """One page of certificates, newest first."""

    items: list[CertificateOut]


class RenewalWindowOut(Output):
    """Renew at a random instant inside it, or at once where that has passed."""

    start: datetime
    end: datetime


class RenewalInfoOut(Output):
    """When to renew, with the semantics of RFC 9773. A window in the past means: renew now."""

    suggested_window: RenewalWindowOut
    advice: RenewalAdvice = Field(
        description="`now`: revoked, or the key is blocked; `renewed`: a successor is there."
    )
    explanation: str = Field(examples=["It is too early to renew."])
    renewed_by_certificate_ids: list[UUID] = Field(description="Successors that are in force.")


class Revocation(Input):
    """Why the certificate is to be revoked (RFC 5280 section 5.3.1)."""

    model_config = examples.example(reason="superseded", comment="replaced by its renewal")

    reason: RevocationReason = Field(
        strict=False,
        examples=["superseded"],
        description="`key_compromise` also blocks the key for all future enrollments, of every "
        "organization. Of what is revoked already, or on the way to the CA, it does only that.",
    )
    effective_at: Instant | None = Field(
        None,
        description="When the CA is to revoke it, before the certificate ends; left out, at once.",
        examples=["2030-01-31T18:00:00Z"],
    )
    comment: Text = ""


class RevocationApproval(Input):
    """Why this is done; kept with the certificate's audit events."""

    model_config = examples.example(comment="the server is gone")

    comment: Text = ""


ApprovalOrNone = Annotated[RevocationApproval, Body(default_factory=RevocationApproval)]


class RevocationRefusal(Input):
    """Why not; the requester reads it as `revocation.detail`."""

    model_config = examples.example(comment="the server still runs")

    comment: Annotated[Text, Field(min_length=1)]


class Renewal(Input):
    """A new certificate for the same names, from a new CSR."""

    model_config = examples.example(
        csr=examples.RENEWAL_CSR, term_days=90, comment="renewed in time"
    )

    csr: str = Field(description="A CSR with the same names, as PEM or base64 of DER.")
    term_days: int | None = None
    not_after: Instant | None = None
    comment: Text = ""


class Replacement(Input):
    """A new certificate for the same names and the rest of the term; it ends the old one."""

    model_config = examples.example(
        csr=examples.RENEWAL_CSR, reason="superseded", comment="the server moved"
    )

    csr: str = Field(description="A CSR with the same names, as PEM or base64 of DER.")
    reason: RevocationReason = Field(
        RevocationReason.SUPERSEDED,
        strict=False,
        examples=["superseded"],
        description="With it the old certificate is revoked once the new one is issued. "
        "`key_compromise` asks for a new key.",
    )
    comment: Text = ""


class RenewalAccepted(Output):
    """The enrollment that will become the new certificate."""

    enrollment_id: UUID
    state: EnrollmentState = Field(examples=["approved"])
    version: int = Field(description="Of the enrollment, whose ETag the answer has.")
    certificate_id: UUID | None = Field(description="The new certificate, once it is there.")
