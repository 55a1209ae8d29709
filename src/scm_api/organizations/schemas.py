"""Bodies of `/organizations`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from scm_api.core.vocabulary import CertificateType
from scm_api.web import examples
from scm_api.web.schemas import Id, Input, Name, Output, PageOutput, Text, Update, VersionedOutput


class OrganizationCreate(Input):
    """A tenant; a department is made below its organization."""

    model_config = examples.example(name="Example Corp", description="Web platform")

    name: Name = Field(examples=["Example Corp"])
    description: Text = Field("", examples=["Web platform"])


class OrganizationUpdate(Update):
    """Fields left out stay as they are."""

    model_config = examples.example(description="Web platform")

    name: Name | None = Field(None, examples=["Example Corp"])
    description: Text | None = Field(None, examples=["Web platform"])


class OrganizationOut(VersionedOutput):
    """An organization, or a department if it has a parent."""

    parent_id: UUID | None = Field(description="The organization a department belongs to.")
    name: str = Field(examples=["Example Corp"])
    description: str = Field(examples=["Web platform"])


class OrganizationPage(PageOutput):
    """One page of organizations and departments, newest first."""

    items: list[OrganizationOut]


class DomainCreate(Input):
    """`example.com` covers that one name; `*.example.com` every name below it."""

    model_config = examples.example(name="*.example.com")

    name: str = Field(
        max_length=1024,
        description="A domain, as U-labels or A-labels of IDNA 2008, or a wildcard entry.",
        examples=["*.example.com"],
    )


class DomainDelegation(Input):
    """An organization or department that may use the domain as if it owned it."""

    organization_id: Id = Field(examples=[examples.ORGANIZATION_ID])
    certificate_types: list[Annotated[CertificateType, Field(strict=False)]] = Field(
        min_length=1, description="For certificates of these types.", examples=[["ssl"]]
    )


class DomainDelegations(Input):
    """Who else may use a domain: these, and nobody besides."""

    model_config = examples.example(delegations=[])

    delegations: list[DomainDelegation] = Field(max_length=1000)


class DomainOut(Output):
    """A domain an organization owns, and who else may use it, as far as you may see them."""

    id: UUID
    organization_id: UUID
    name: str = Field(
        description="In lower-case A-labels without a final dot.", examples=["*.example.com"]
    )
    delegations: list[DomainDelegation]
    created_at: datetime
    version: int = Field(description="Grows with each change; also the ETag.", examples=[1])


class DelegatedDomainOut(Output):
    """A domain of another organization that this one may use."""

    id: UUID
    name: str = Field(examples=["*.example.com"])
    certificate_types: list[CertificateType] = Field(examples=[["ssl"]])


class DelegatedDomainPage(PageOutput):
    """One page of domains an organization has been delegated, newest first."""

    items: list[DelegatedDomainOut]


class DomainPage(PageOutput):
    """One page of an organization's domains, newest first."""

    items: list[DomainOut]
