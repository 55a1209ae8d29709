"""Bodies of `/bulk-revocations`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from scm_api.core.vocabulary import RevocationReason
from scm_api.web import examples
from scm_api.web.schemas import Id, Input, Output, PageOutput, Text

MOST = 500


class BulkRevocationCreate(Input):
    """Certificates to revoke for one reason (RFC 5280 section 5.3.1): all of them or none."""

    model_config = examples.example(
        certificate_ids=[examples.CERTIFICATE_ID],
        reason="cessation_of_operation",
        comment="the data centre is closed",
    )

    certificate_ids: Annotated[list[Id], Field(min_length=1, max_length=MOST)]
    reason: RevocationReason = Field(strict=False, examples=["cessation_of_operation"])
    comment: Text = ""


class ProgressOut(Output):
    """How many certificates are in which state of revocation; as far as you may see them."""

    pending_approval: int = Field(examples=[0])
    scheduled: int = Field(description="Not before a time that was asked for.", examples=[0])
    requested: int = Field(description="On the way to the CA.", examples=[12])
    pending_ca: int = Field(description="The CA has it and waits itself.", examples=[0])
    done: int = Field(description="Revoked by the CA.", examples=[488])
    refused: int = Field(description="The CA does not do it.", examples=[0])
    declined: int = Field(description="By an admin.", examples=[0])
    canceled: int = Field(description="Taken back.", examples=[0])
    expired: int = Field(description="Nobody approved it in time.", examples=[0])


class BulkRevocationOut(Output):
    """One bulk revocation and how far it is now."""

    id: UUID
    reason: RevocationReason
    comment: str
    requester_id: UUID
    total: int = Field(description="Certificates it is about, as far as you may see them.")
    progress: ProgressOut
    finished: bool = Field(description="Whether nothing waits for an approval or the CA any more.")
    created_at: datetime


class BulkRevocationPage(PageOutput):
    """One page of bulk revocations, newest first."""

    items: list[BulkRevocationOut]
