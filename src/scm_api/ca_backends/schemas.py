"""Bodies of `/ca-backends`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from scm_api.core.recovery import Guard
from scm_api.core.vocabulary import (
    BackendStatus,
    BackendType,
    CertificateType,
    RevocationReason,
)
from scm_api.drivers.base import Issuance
from scm_api.web import examples
from scm_api.web.schemas import Id, Input, Name, Output, PageOutput, Text, Update, VersionedOutput


class CaBackendCreate(Input):
    """The type of the CA backend is that of its local CA backend."""

    model_config = examples.example(
        name="aws-frankfurt",
        local_ca_backend_id=examples.LOCAL_CA_BACKEND_ID,
        description="Private CAs of the web platform",
    )

    name: Name = Field(examples=["aws-frankfurt"])
    local_ca_backend_id: Id = Field(
        description="Where the connection and the credentials are.",
        examples=[examples.LOCAL_CA_BACKEND_ID],
    )
    description: Text = Field("", examples=["Private CAs of the web platform"])


class CaBackendUpdate(Update):
    """Fields left out stay as they are.

    The local CA backend is fixed: what was issued is known to the CA behind it. Its connection
    and credentials can be changed there.
    """

    model_config = examples.example(description="Private CAs of the web platform")

    name: Name | None = Field(None, examples=["aws-frankfurt"])
    description: Text | None = Field(None, examples=["Private CAs of the web platform"])


class AbilityOut(Output):
    """One thing this CA backend does or does not do, because of how it is set up."""

    name: str = Field(examples=["revoke"])
    available: bool
    detail: str = Field(
        description="What it is done with, or what is missing and how to add it; for an MRAO."
    )


class CaBackendOut(VersionedOutput):
    """A CA backend with the outcome of the last check."""

    name: str = Field(examples=["aws-frankfurt"])
    description: str = Field(examples=["Private CAs of the web platform"])
    backend_type: BackendType
    connector_id: UUID | None = Field(description="Null for everybody but an MRAO.")
    local_ca_backend_id: UUID | None = Field(description="Null for everybody but an MRAO.")
    status: BackendStatus = Field(
        description="`refused`: the CA answers but rejects the credentials; `offline`: it does "
        "not answer; `unchecked`: nobody asked yet."
    )
    status_detail: str = Field(description="The cause of the status, in words; for an MRAO.")
    findings: list[str] = Field(description="What an MRAO should look at.")
    visible_cas: int | None = Field(
        description="How many CAs the credentials see, as they did last; null before a check, and "
        "where an account has no CAs of its own. For an MRAO.",
        examples=[3],
    )
    abilities: list[AbilityOut] = Field(
        description="What depends on how this backend is set up, beyond the capabilities of its "
        "type. Empty where nothing does."
    )
    checked_at: datetime | None


class CaBackendPage(PageOutput):
    """One page of CA backends, newest first."""

    items: list[CaBackendOut]


class CapabilitiesOut(Output):
    """What a backend type can do."""

    certificate_types: list[CertificateType]
    needs_external_organization: bool
    issuance: Issuance
    duplicate_guard: Guard
    token_validity_seconds: int | None = Field(
        description="How long a repeated order is surely recognised as the same one.",
        examples=[60],
    )
    can_revoke: bool
    revocation_reasons: list[RevocationReason]
    backdating_seconds: int = Field(
        description="How long before issuance its certificates may begin.", examples=[3600]
    )
    key_types: list[str] = Field(
        description="Keys the CA certifies; a profile allows some of them.",
        examples=[["rsa-2048", "ec-p256"]],
    )
    lists_issuing_cas: bool
    lists_templates: bool
    lists_external_organizations: bool
    lists_products: bool
    can_deactivate: bool = Field(
        description="Whether `POST /certificates/{id}/deactivate` gives a unit of inventory back."
    )
    checks_orders: bool = Field(
        description="Whether `POST /enrollments/validate?ask_ca=true` can ask the CA."
    )
    reissue_revokes: bool = Field(
        description="Whether replacing a certificate has the CA itself revoke the one before, "
        "as soon as the new one is there. For a compromised key, the service orders anew and "
        "revokes by itself."
    )
    can_cancel: bool = Field(description="Whether an order can be taken back before it is issued.")
    chooses_term: bool = Field(
        description="Whether an order says how long its certificate lives. Otherwise the CA has "
        "that fixed, and a profile has that term alone."
    )


class BackendTypeOut(Output):
    """A kind of CA, with JSON schemas to make forms from."""

    type: BackendType
    title: str = Field(examples=["AWS Private CA"])
    capabilities: CapabilitiesOut
    connection_options: dict[str, Any] = Field(
        description="JSON schema of `options` of a local CA backend."
    )
    secrets: dict[str, Any] = Field(description="JSON schema of its `secrets`.")
    profile_options: dict[str, Any] = Field(
        description="JSON schema of `options` of a certificate profile."
    )
    order_options: dict[str, Any] | None = Field(
        description="JSON schema of `order_options` of an enrollment; null: it takes none."
    )


class BackendTypeList(Output):
    """Every backend type of this service."""

    items: list[BackendTypeOut]


class IssuingCaOut(Output):
    """One CA a profile may issue from."""

    id: str = Field(
        description="What a profile's options refer to.",
        examples=[
            "arn:aws:acm-pca:eu-central-1:111122223333"
            ":certificate-authority/5cb00000-0000-4000-8000-000000000003"
        ],
    )
    name: str = Field(examples=["Web Platform Issuing CA"])
    status: str = Field(description="The status in the CA's own words.", examples=["ACTIVE"])
    usable: bool = Field(description="Whether it issues certificates now.")
    key_algorithm: str | None = Field(examples=["EC_prime256v1"])
    not_after: datetime | None = Field(description="When the CA's own certificate ends.")
    facts: dict[str, Any] = Field(description="What else the CA tells; differs by backend type.")
    certificate_pem: str | None = Field(
        description="The CA's own certificate, if it could be read."
    )


class TemplateOut(Output):
    """One template a profile may name."""

    id: str = Field(examples=["arn:aws:acm-pca:::template/EndEntityServerAuthCertificate/V1"])
    name: str = Field(examples=["EndEntityServerAuthCertificate"])
    usable: bool
    allows: str = Field(description="What it puts in certificates, in words.")
    facts: dict[str, Any] = Field(description="What else is known; differs by backend type.")


class ExternalValidationOut(Output):
    """One validation of an organization at the CA."""

    type: str = Field(examples=["ov"])
    status: str = Field(examples=["active"])
    until: datetime | None


class ExternalOrganizationOut(Output):
    """An organization in the CA's account."""

    id: str = Field(examples=["700123"])
    name: str = Field(examples=["Umbra Works Ltd"])
    address: str = Field(examples=["1 Test Quay, D02 XY12, Dublin, ie"])
    status: str = Field(examples=["active"])
    usable: bool = Field(description="Whether it is active with a validation in force.")
    validations: list[ExternalValidationOut]


class ProductOut(Output):
    """One product of the CA's account that a profile may name."""

    id: str = Field(examples=["ssl_basic"])
    name: str = Field(examples=["Basic OV"])
    validation_type: str = Field(examples=["ov"])
    terms_years: list[int] = Field(description="Years an order may be for.", examples=[[1]])
    signature_hashes: list[str] = Field(examples=[["sha256", "sha384"]])
    facts: dict[str, Any] = Field(description="What else the CA tells; differs by backend type.")


class ListingOut(Output):
    """A list read from the CA."""

    fetched_at: datetime = Field(description="When the CA was read.")
    stale: bool = Field(description="The CA does not answer just now: this is its last answer.")


class IssuingCaList(ListingOut):
    """The CAs behind a CA backend."""

    items: list[IssuingCaOut]


class TemplateList(ListingOut):
    """The templates of a CA backend."""

    items: list[TemplateOut]


class ProductList(ListingOut):
    """The products of the CA's account."""

    items: list[ProductOut]


class ExternalOrganizationList(ListingOut, PageOutput):
    """One page of the organizations of the CA's account, by id."""

    items: list[ExternalOrganizationOut]
