"""Bodies of `/admins` and `/api-keys`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from scm_api.core.vocabulary import CertificateType, Privilege, Role
from scm_api.web import examples
from scm_api.web.schemas import (
    Id,
    Input,
    Instant,
    Name,
    Output,
    PageOutput,
    Update,
    VersionedOutput,
)

_EMAIL = Field(max_length=254, description="Identity of the admin.", examples=["ada@example.com"])
_LIMITS = {
    "role": "rao",
    "organization_ids": [examples.ORGANIZATION_ID],
    "certificate_types": ["ssl"],
    "privileges": ["enroll", "revoke"],
}

# Lax, because JSON has no enumerations: strict models must still read the choice from text.
RoleChoice = Annotated[
    Role,
    Field(
        strict=False,
        description="`mrao`: the whole account; `rao`: given organizations with their "
        "departments; `drao`: given departments.",
        examples=["rao"],
    ),
]
OrganizationIds = Annotated[
    list[Id],
    Field(
        max_length=1000,
        description="Organizations of an RAO, departments of a DRAO; an MRAO has none.",
        examples=[[examples.ORGANIZATION_ID]],
    ),
]
CertificateTypes = Annotated[
    list[Annotated[CertificateType, Field(strict=False)]],
    Field(description="Only certificates of these types are seen.", examples=[["ssl"]]),
]
Privileges = Annotated[
    list[Annotated[Privilege, Field(strict=False)]],
    Field(
        description="`enroll` (also renew, retry, cancel), `approve`, `revoke`, "
        "`manage_profiles`, `create_peers` (handle admins of one's level or lower and their "
        "keys), `read_audit`, `enroll_on_behalf` (of accounts of a directory, with `enroll`).",
        examples=[["enroll", "revoke"]],
    ),
]


class AdminCreate(Input):
    """Somebody who may use the service. Give them an API key next.

    An RAO or DRAO is given organizations, certificate types and privileges; an MRAO has all.
    """

    model_config = examples.example(name="Ada Lovelace", email="ada@example.com", **_LIMITS)

    name: Name = Field(description="Shown in audit events.", examples=["Ada Lovelace"])
    email: str = _EMAIL
    role: RoleChoice = Role.MRAO
    organization_ids: OrganizationIds = Field([])
    certificate_types: CertificateTypes = Field([])
    privileges: Privileges = Field([])
    active: bool = Field(True, description="The keys of an inactive admin are refused.")


class AdminUpdate(Update):
    """Fields left out stay as they are; lists are replaced as a whole."""

    model_config = examples.example(name="Demo admin")

    name: Name | None = Field(None, examples=["Ada Lovelace"])
    email: str | None = Field(None, max_length=254, examples=["ada@example.com"])
    role: RoleChoice | None = None
    organization_ids: OrganizationIds | None = None
    certificate_types: CertificateTypes | None = None
    privileges: Privileges | None = None
    active: bool | None = Field(None, description="Inactive: every key is refused.")


class AdminOut(VersionedOutput):
    """An admin. An MRAO has every certificate type and privilege."""

    name: str = Field(examples=["Ada Lovelace"])
    email: str = Field(examples=["ada@example.com"])
    role: Role
    organization_ids: list[UUID] = Field(description="As given; empty for an MRAO.")
    certificate_types: list[CertificateType]
    privileges: list[Privilege]
    active: bool


class AdminPage(PageOutput):
    """One page of admins, newest first."""

    items: list[AdminOut]


class Scope(Input):
    """What a key acts with: a part of what its owner has.

    An MRAO scope with fewer privileges or types sees the account but does not change what belongs
    to it as a whole.
    """

    role: RoleChoice
    organization_ids: OrganizationIds = Field([])
    certificate_types: Annotated[CertificateTypes, Field(min_length=1)]
    privileges: Privileges = Field([])


class ScopeOut(Output):
    """What a key acts with, as given; where its owner has less by now, the key has less too."""

    role: Role
    organization_ids: list[UUID]
    certificate_types: list[CertificateType]
    privileges: list[Privilege]


class ApiKeyCreate(Input):
    """A key acts with the rights of its admin, or with a part of them."""

    model_config = examples.example(
        admin_id=examples.ADMIN_ID,
        name="build server",
        scope=_LIMITS,
        expires_at="2030-01-31T12:00:00Z",
    )

    admin_id: Id = Field(description="Who acts by the key.", examples=[examples.ADMIN_ID])
    name: Name = Field(description="What the key is for.", examples=["deploy pipeline"])
    scope: Scope | None = Field(
        None,
        description="Left out: everything its owner may, whatever that will be. An RAO or DRAO who "
        "makes it for another admin, and whoever makes it by a key with a scope, makes it with "
        "what its owner may now as its scope.",
    )
    expires_at: Instant | None = Field(
        None, description="From then on the key is refused.", examples=["2030-01-31T12:00:00Z"]
    )


class ApiKeyOut(VersionedOutput):
    """What is kept of a key, which does not lead back to it."""

    admin_id: UUID
    name: str = Field(examples=["deploy pipeline"])
    prefix: str = Field(description="How the key begins.", examples=["scm_Zk3x9Q"])
    scope: ScopeOut | None = Field(description="Null: everything its owner may.")
    expires_at: datetime | None
    revoked_at: datetime | None


class ApiKeyCreated(ApiKeyOut):
    """A new key. Its text is shown here and never again."""

    key: str = Field(examples=["scm_Zk3x9QmVr1w7c0Yh2uT5eKp8sLd4aBf6gNj_xRzOiEw"])


class ApiKeyPage(PageOutput):
    """One page of API keys, newest first."""

    items: list[ApiKeyOut]
