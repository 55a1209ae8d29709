"""Bodies of `/admins` and `/api-keys`."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from scm_api.web import examples
from scm_api.web.schemas import Id, Input, Instant, Name, PageOutput, VersionedOutput

_EMAIL = Field(max_length=254, description="Identity of the admin.", examples=["ada@example.com"])


class AdminCreate(Input):
    """Somebody who may use the service. Give them an API key next."""

    model_config = examples.example(name="Ada Lovelace", email="ada@example.com", role="mrao")

    name: Name = Field(description="Shown in audit events.", examples=["Ada Lovelace"])
    email: str = _EMAIL
    role: Literal["mrao"] = Field("mrao", description="An MRAO acts for the whole account.")
    active: bool = Field(True, description="The keys of an inactive admin are refused.")


class AdminUpdate(Input):
    """Fields left out stay as they are."""

    model_config = examples.example(name="Demo admin")

    name: Name | None = Field(None, examples=["Ada Lovelace"])
    email: str | None = Field(None, max_length=254, examples=["ada@example.com"])
    active: bool | None = Field(None, description="Inactive: every key is refused.")


class AdminOut(VersionedOutput):
    """An admin."""

    name: str = Field(examples=["Ada Lovelace"])
    email: str = Field(examples=["ada@example.com"])
    role: Literal["mrao"]
    active: bool


class AdminPage(PageOutput):
    """One page of admins, newest first."""

    items: list[AdminOut]


class ApiKeyCreate(Input):
    """A key acts with the rights of its admin."""

    model_config = examples.example(
        admin_id=examples.ADMIN_ID, name="build server", expires_at="2030-01-31T12:00:00Z"
    )

    admin_id: Id = Field(description="Who acts by the key.", examples=[examples.ADMIN_ID])
    name: Name = Field(description="What the key is for.", examples=["deploy pipeline"])
    expires_at: Instant | None = Field(
        None, description="From then on the key is refused.", examples=["2030-01-31T12:00:00Z"]
    )


class ApiKeyOut(VersionedOutput):
    """What is kept of a key, which does not lead back to it."""

    admin_id: UUID
    name: str = Field(examples=["deploy pipeline"])
    prefix: str = Field(description="How the key begins.", examples=["scm_Zk3x9Q"])
    expires_at: datetime | None
    revoked_at: datetime | None


class ApiKeyCreated(ApiKeyOut):
    """A new key. Its text is shown here and never again."""

    key: str = Field(examples=["scm_Zk3x9QmVr1w7c0Yh2uT5eKp8sLd4aBf6gNj_xRzOiEw"])


class ApiKeyPage(PageOutput):
    """One page of API keys, newest first."""

    items: list[ApiKeyOut]
