"""Bodies of `/organizations/{id}/external-assignments`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from scm_api.web import examples
from scm_api.web.external_validation import AssignedValidationOut
from scm_api.web.schemas import Id, Input, PageOutput, Update, VersionedOutput

ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class ExternalAssignmentCreate(Input):
    """Which organization of the CA's account this one enrolls for."""

    model_config = examples.example(
        ca_backend_id=examples.CA_BACKEND_ID, external_organization_id="700123"
    )

    ca_backend_id: Id
    external_organization_id: ExternalId = Field(
        description="Its `id` in `GET /ca-backends/{id}/external-organizations`."
    )


class ExternalAssignmentUpdate(Update):
    """Another organization of the same account."""

    model_config = examples.example(external_organization_id="700123")

    external_organization_id: ExternalId


class ExternalAssignmentOut(VersionedOutput):
    """One assignment, and what the CA last said about the external organization."""

    organization_id: UUID
    ca_backend_id: UUID
    external_organization_id: str = Field(examples=["700123"])
    name: str = Field(examples=["Umbra Works Ltd"])
    status: str = Field(description="As the CA says.", examples=["active"])
    usable: bool = Field(description="Whether it may be enrolled for now.")
    validations: list[AssignedValidationOut]
    checked_at: datetime = Field(description="When the CA was last asked.")


class ExternalAssignmentPage(PageOutput):
    """One page of assignments, newest first."""

    items: list[ExternalAssignmentOut]
