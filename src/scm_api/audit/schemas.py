"""Answers of `/audit-events`."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field

from scm_api.core.audit_actions import ACTIONS, SUBJECT_KINDS
from scm_api.web.parameters import one_of
from scm_api.web.schemas import Output, PageOutput

AuditAction = Annotated[
    str,
    AfterValidator(one_of(ACTIONS)),
    Field(title="AuditAction", json_schema_extra={"enum": list(ACTIONS)}),
]
AuditSubject = Annotated[
    str,
    AfterValidator(one_of(SUBJECT_KINDS)),
    Field(title="AuditSubject", json_schema_extra={"enum": list(SUBJECT_KINDS)}),
]


class AuditEventOut(Output):
    """One change of state."""

    number: int = Field(description="Grows with each event.", examples=[42])
    at: datetime
    action: AuditAction = Field(examples=["certificate_profile.created"])
    subject_kind: AuditSubject = Field(
        description="What changed.", examples=["certificate_profile"]
    )
    subject_id: UUID
    organization_id: UUID | None = Field(description="The organization it happened in.")
    principal_id: UUID | None = Field(
        description="The admin who did it; null: the service by itself."
    )
    principal_name: str | None = Field(
        description="The admin's name at that time.", examples=["Ada Lovelace"]
    )
    api_key_id: UUID | None = Field(description="The key it was done with.")
    request_id: str | None = Field(
        description=(
            "The request it was done by, or that led to it; null: the service's own doing."
        ),
        examples=["5b2f0c1d9f6e4a7c8b1d2e3f4a5b6c7d"],
    )
    details: dict[str, Any] = Field(examples=[{"changed": ["name"]}])


class AuditEventPage(PageOutput):
    """One page of audit events, newest first."""

    items: list[AuditEventOut]


class AuditHeadOut(Output):
    """The newest seal. While nothing was sealed, its numbers are 0 and its digest is all zeros."""

    seal: int = Field(description="Grows by one with each seal.")
    number: int = Field(description="The last event that is sealed.")
    digest: str = Field(description="SHA-256 over all that was sealed, in hex.")
    at: datetime | None = Field(description="When it was sealed.")
