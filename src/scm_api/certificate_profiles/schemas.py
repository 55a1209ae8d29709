"""Bodies of `/certificate-profiles`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from scm_api.certificate_profiles.domain_policies import DomainPolicy
from scm_api.core.key_types import KEY_TYPES
from scm_api.core.profile_rule import LONGEST
from scm_api.core.vocabulary import BackendType, CertificateType
from scm_api.drivers.options import ProfileOptions
from scm_api.web import examples
from scm_api.web.external_validation import AssignedValidationOut
from scm_api.web.openapi import ProblemFault
from scm_api.web.schemas import Id, Input, Name, Output, PageOutput, Text, Update, VersionedOutput


def _known_key_type(value: str) -> str:
    if value not in KEY_TYPES:
        expected = ", ".join(KEY_TYPES)
        raise PydanticCustomError(
            "not-a-choice", "This is no key type known here.", {"expected": expected}
        )
    return value


KeyType = Annotated[
    str,
    AfterValidator(_known_key_type),
    Field(title="KeyType", json_schema_extra={"enum": list(KEY_TYPES)}),
]
# Lax, because JSON has no enumerations: strict models must still read the choice from text.
CertificateTypeChoice = Annotated[CertificateType, Field(strict=False)]
Days = Annotated[int, Field(ge=1, le=36_500)]


class Term(Input):
    """How long certificates live, in days from issuance."""

    allowed_days: list[Days] = Field(
        min_length=1,
        max_length=100,
        description="The terms a requester may choose from.",
        examples=[[30, 90, 365]],
    )
    default_days: Days = Field(
        description="Taken when nothing is chosen; one of the allowed.", examples=[90]
    )


class Rule(Input):
    """A condition of the profile's own that every request has to meet.

    Variables: `names` (a list of maps with `kind`, such as dns, and `value`), `subject` (a list of
    maps with `type`, such as O, and `value`), `common_name`, `key_type`, `term_days`,
    `certificate_type` and `organization_id`. Besides operators a rule may call all, exists,
    exists_one, filter, has, size, contains, startsWith, endsWith, int, double and string.
    Comprehensions cannot stand inside one another.
    """

    expression: str = Field(
        min_length=1,
        max_length=LONGEST,
        description="In the Common Expression Language (CEL), true of what may be issued.",
        examples=['names.all(n, n.value.endsWith(".example.com")) || term_days <= 30'],
    )
    explanation: str = Field(
        min_length=1,
        max_length=500,
        description="Told to whoever asks for something else.",
        examples=["Names outside example.com are certified for 30 days at most."],
    )


_Rule = Field(description="A condition beyond the other fields. Null removes it.")
_Enabled = Field(description="A disabled profile stays readable, but nothing is issued by it.")
_AllowRenew = Field(description="Whether certificates may be renewed.")
_RenewWithSameKey = Field(
    description="Whether a renewal or replacement may keep the key of the certificate before. "
    "Never where that is replaced for key compromise."
)
_AutoRenew = Field(
    description="Whether the service renews certificates by itself when their window opens, from "
    "the CSR they were made with. Takes `allow_renew` and `renew_with_same_key`. Approval is asked "
    "for as ever."
)
_MaxValid = Field(
    ge=1,
    le=1000,
    description="How many certificates of this profile a person may have that are valid or asked "
    "for, by e-mail address and UPN; for the type client. Null is no limit.",
    examples=[3],
)
_AutoRevoke = Field(
    description="Whether the oldest certificate of the person is revoked, once the new one is "
    "issued, where there would be one too many. Otherwise the enrollment is refused with 409."
)
_ServerSideKeys = Field(
    description="Whether the service makes keys for those who enroll without a CSR: in memory, "
    "delivered once and encrypted, never stored."
)
_RequiresApproval = Field(
    description="Whether another admin has to approve each request before the CA hears of it. For "
    "the types ssl and device."
)
_RevocationRequiresApproval = Field(
    description="Whether another admin has to approve each revocation before the CA hears of it."
)
_KeyTypes = Field(
    min_length=1,
    description="Key types a CSR may have. Left out: every one of them the CA takes.",
    examples=[["ec-p256", "rsa-3072"]],
)
_OrganizationIds = Field(
    max_length=1000,
    description="Organizations and departments that may use the profile, each listed itself. "
    "With an empty list nobody may.",
    examples=[[examples.ORGANIZATION_ID]],
)


class CertificateProfileCreate(Input):
    """What may be issued through one CA backend, and for whom."""

    model_config = examples.example(
        name="web-servers",
        ca_backend_id=examples.CA_BACKEND_ID,
        certificate_type="ssl",
        description="TLS servers of the web platform",
        term={"allowed_days": [30, 90, 365], "default_days": 90},
        key_types=["ec-p256", "rsa-3072"],
        domain_policy={"fqdn": True, "wildcard": False},
        options={
            "backend_type": "aws",
            "private_ca": "arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/"
            "5cb00000-0000-4000-8000-000000000003",
            "signature_algorithm": "SHA256WITHECDSA",
            "aws_template": "arn:aws:acm-pca:::template/EndEntityServerAuthCertificate/V1",
        },
        organization_ids=[examples.ORGANIZATION_ID],
    )

    name: Name = Field(examples=["web-servers"])
    ca_backend_id: Id = Field(examples=[examples.CA_BACKEND_ID])
    certificate_type: CertificateTypeChoice = Field(
        CertificateType.SSL, description="One that the type of the CA backend supports."
    )
    description: Text = Field("", examples=["TLS servers of the web platform"])
    enabled: Annotated[bool, _Enabled] = True
    term: Term
    key_types: Annotated[list[KeyType], _KeyTypes] | None = None
    domain_policy: DomainPolicy = DomainPolicy()
    allow_renew: Annotated[bool, _AllowRenew] = True
    renew_with_same_key: Annotated[bool, _RenewWithSameKey] = False
    auto_renew: Annotated[bool, _AutoRenew] = False
    max_valid_certificates: Annotated[int, _MaxValid] | None = None
    auto_revoke: Annotated[bool, _AutoRevoke] = False
    server_side_keys: Annotated[bool, _ServerSideKeys] = False
    rule: Annotated[Rule, _Rule] | None = None
    requires_approval: Annotated[bool, _RequiresApproval] = False
    revocation_requires_approval: Annotated[bool, _RevocationRequiresApproval] = False
    options: ProfileOptions
    organization_ids: Annotated[list[Id], _OrganizationIds] = Field([])


class CertificateProfileUpdate(Update):
    """Fields left out stay as they are; those given are replaced as a whole.

    Null removes `rule` and `max_valid_certificates`.
    """

    CLEARABLE = frozenset({"rule", "max_valid_certificates"})

    model_config = examples.example(
        description="TLS servers of the web platform",
        term={"allowed_days": [30, 90, 365], "default_days": 90},
    )

    name: Name | None = Field(None, examples=["web-servers"])
    ca_backend_id: Id | None = Field(None, examples=[examples.CA_BACKEND_ID])
    certificate_type: CertificateTypeChoice | None = None
    description: Text | None = Field(None, examples=["TLS servers of the web platform"])
    enabled: Annotated[bool, _Enabled] | None = None
    term: Term | None = None
    key_types: Annotated[list[KeyType], _KeyTypes] | None = None
    domain_policy: DomainPolicy | None = None
    allow_renew: Annotated[bool, _AllowRenew] | None = None
    renew_with_same_key: Annotated[bool, _RenewWithSameKey] | None = None
    auto_renew: Annotated[bool, _AutoRenew] | None = None
    max_valid_certificates: Annotated[int, _MaxValid] | None = None
    auto_revoke: Annotated[bool, _AutoRevoke] | None = None
    server_side_keys: Annotated[bool, _ServerSideKeys] | None = None
    rule: Annotated[Rule, _Rule] | None = None
    requires_approval: Annotated[bool, _RequiresApproval] | None = None
    revocation_requires_approval: Annotated[bool, _RevocationRequiresApproval] | None = None
    options: ProfileOptions | None = None
    organization_ids: Annotated[list[Id], _OrganizationIds] | None = None


class CertificateProfileOut(VersionedOutput):
    """A certificate profile as it stands. What was asked for earlier keeps the rules of its day."""

    name: str = Field(examples=["web-servers"])
    ca_backend_id: UUID
    backend_type: BackendType
    certificate_type: CertificateType
    description: str = Field(examples=["TLS servers of the web platform"])
    enabled: Annotated[bool, _Enabled]
    term: Term
    key_types: list[KeyType] = Field(examples=[["ec-p256", "rsa-3072"]])
    domain_policy: DomainPolicy
    allow_renew: Annotated[bool, _AllowRenew]
    renew_with_same_key: Annotated[bool, _RenewWithSameKey]
    auto_renew: Annotated[bool, _AutoRenew]
    max_valid_certificates: Annotated[int, _MaxValid] | None
    auto_revoke: Annotated[bool, _AutoRevoke]
    server_side_keys: Annotated[bool, _ServerSideKeys]
    rule: Rule | None
    requires_approval: Annotated[bool, _RequiresApproval]
    revocation_requires_approval: Annotated[bool, _RevocationRequiresApproval]
    options: ProfileOptions
    organization_ids: list[UUID] = Field(
        description="Organizations and departments that may use it, as far as you may see them."
    )


class ProfileValidationOut(Output):
    """For whom one organization enrolls by the profile, and what the CA says about it."""

    organization_id: UUID
    external_assignment_id: UUID | None = Field(
        description="Its own, or that of the organization it is a department of; null: there is "
        "none, so it cannot enroll."
    )
    external_organization_id: str | None = Field(examples=["700123"])
    name: str | None = Field(examples=["Umbra Works Ltd"])
    usable: bool = Field(description="Whether it may be enrolled for now.")
    validations: list[AssignedValidationOut]
    checked_at: datetime | None = Field(description="When the CA was last asked.")


class CertificateProfileDetail(CertificateProfileOut):
    """A certificate profile, with the validations its organizations depend on."""

    external_validations: list[ProfileValidationOut] | None = Field(
        description="One for each of `organization_ids`; null where the profile is ordered for no "
        "external organization."
    )
    checked_against_ca: bool | None = Field(
        description="Whether the options were compared with what the CA offers. False: it could "
        "not be asked since they were saved, so what only the CA knows is not checked; that is "
        "done once it answers, at the next check of the CA backend. Null: CAs of this type list "
        "nothing to compare them with."
    )
    ca_faults: list[ProblemFault] = Field(
        description="What that comparison found, where it was made after the profile was saved. "
        "While there are any, enrollments are refused with them."
    )


class CertificateProfilePage(PageOutput):
    """One page of certificate profiles, newest first."""

    items: list[CertificateProfileOut]
