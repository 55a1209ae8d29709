"""Bodies of `/connectors`."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from scm_api.core.vocabulary import BackendType
from scm_api.drivers.options import ConnectionOptions, ConnectionSecrets
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
    secrets: ConnectionSecrets


class LocalCaBackendUpdate(Update):
    """Fields left out stay as they are; `secrets` replace all secrets there were."""

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
