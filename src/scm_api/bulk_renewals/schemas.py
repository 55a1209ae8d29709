"""Bodies of `/bulk-renewals`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from scm_api.web import examples
from scm_api.web.schemas import Id, Input, Output, PageOutput, Text

MOST = 100


class BulkRenewalCreate(Input):
    """Certificates to renew with the CSRs they were made with: all of them or none."""

    model_config = examples.example(
        certificate_ids=[examples.CERTIFICATE_ID], comment="before the change freeze"
    )

    certificate_ids: Annotated[list[Id], Field(min_length=1, max_length=MOST)]
    comment: Text = ""


class RenewalProgressOut(Output):
    """How many enrollments are in which state; as far as you may see them."""

    pending_approval: int = Field(examples=[0])
    approved: int = Field(description="About to be sent to the CA.", examples=[3])
    submitting: int = Field(description="Being sent to the CA.", examples=[2])
    pending_ca: int = Field(description="The CA has yet to issue.", examples=[0])
    issued: int = Field(examples=[95])
    declined: int = Field(description="By an admin.", examples=[0])
    rejected: int = Field(description="By the CA.", examples=[0])
    failed: int = Field(description="Could not be carried out.", examples=[0])
    canceled: int = Field(description="By an admin, or nobody approved it in time.", examples=[0])
    parked: int = Field(description="Waits for a person to look at it.", examples=[0])


class BulkRenewalOut(Output):
    """One bulk renewal and how far it is now."""

    id: UUID
    comment: str
    requester_id: UUID
    total: int = Field(description="Enrollments it led to, as far as you may see them.")
    progress: RenewalProgressOut
    finished: bool = Field(description="Whether each is issued or came to nothing.")
    created_at: datetime


class BulkRenewalPage(PageOutput):
    """One page of bulk renewals, newest first."""

    items: list[BulkRenewalOut]
