"""Bodies of `/connectors`."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError, PydanticOmit

from scm_api.core.vocabulary import BackendType
from scm_api.drivers.options import ConnectionOptions, ConnectionSecrets
from scm_api.drivers.registry import REGISTRY
from scm_api.web import examples
from scm_api.web.schemas import Input, Name, PageOutput, Text, Update, VersionedOutput


class ConnectorCreate(Input):
    """A connector of kind `embedded` runs inside this service."""

    model_config = examples.example(
        name="frankfurt", kind="embedded", description="CAs of the Frankfurt account"
    )

    name: Name = Field(examples=["frankfurt"])
    kind: Literal["embedded"] = "embedded"
    description: Text = ""


class ConnectorUpdate(Update):
    """Fields left out stay as they are."""

    model_config = examples.example(description="CAs of the Frankfurt account")

    name: Name | None = None
    description: Text | None = None


class ConnectorOut(VersionedOutput):
    """A connector."""

    name: str
    kind: Literal["embedded"]
    description: str


class ConnectorPage(PageOutput):
    """One page of connectors, newest first."""

    items: list[ConnectorOut]


class _LeftOut(dict[str, Any]):
    """Stands for a member that the body does not have."""


class LocalCaBackendCreate(Input):
    """Connection and credentials for one CA account; `secrets` are never shown again."""

    model_config = examples.example(
        name="aws-frankfurt",
        options={
            "backend_type": "aws",
            "region": "eu-central-1",
            "credentials": {"mode": "static_keys"},
        },
        secrets={
            "backend_type": "aws",
            "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        },
    )

    name: Name = Field(examples=["aws-sandbox"])
    options: ConnectionOptions
    secrets: Annotated[
        ConnectionSecrets,
        Field(
            default_factory=_LeftOut,
            validate_default=True,
            description="Credentials for the CA. Write-only: they are never returned. Left out "
            "where the options need none.",
        ),
    ]

    @field_validator("secrets", mode="before")
    @classmethod
    def _none_if_left_out(cls, given: Any, info: ValidationInfo) -> Any:
        if not isinstance(given, _LeftOut):
            return given
        options = info.data.get("options")
        if options is None:  # they are at fault
            raise PydanticOmit
        kind = REGISTRY[options.backend_type]
        try:
            return kind.secrets.model_validate({"backend_type": options.backend_type})
        except ValidationError as error:
            raise PydanticKnownError("missing") from error


class LocalCaBackendUpdate(Update):
    """Fields left out stay as they are; `secrets` replace all secrets there were. They are needed
    with options that have them sent to another address."""

    model_config = examples.example(name="aws-simulator")

    name: Name | None = None
    options: ConnectionOptions | None = None
    secrets: ConnectionSecrets | None = None


class LocalCaBackendOut(VersionedOutput):
    """A local CA backend without its secrets."""

    connector_id: UUID
    name: str
    backend_type: BackendType
    options: ConnectionOptions


class LocalCaBackendPage(PageOutput):
    """One page of local CA backends, newest first."""

    items: list[LocalCaBackendOut]
