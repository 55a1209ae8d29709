"""Options and secrets of every backend type, told apart by `backend_type`."""

import json
from typing import Annotated, Any

from pydantic import BaseModel, Field, SecretStr

from scm_api.drivers.aws.options import AwsConnection, AwsProfileOptions, AwsSecrets
from scm_api.drivers.digicert.options import (
    DigiCertConnection,
    DigiCertOrderOptions,
    DigiCertProfileOptions,
    DigiCertSecrets,
)
from scm_api.drivers.entrust.options import (
    EntrustConnection,
    EntrustOrderOptions,
    EntrustProfileOptions,
    EntrustSecrets,
)
from scm_api.drivers.gcp.options import GcpConnection, GcpProfileOptions, GcpSecrets
from scm_api.drivers.memory.options import (
    MemoryConnection,
    MemoryOrderOptions,
    MemoryProfileOptions,
    MemorySecrets,
)
from scm_api.drivers.microsoft.options import (
    MicrosoftConnection,
    MicrosoftOrderOptions,
    MicrosoftProfileOptions,
    MicrosoftSecrets,
)

ConnectionOptions = Annotated[
    AwsConnection
    | DigiCertConnection
    | EntrustConnection
    | GcpConnection
    | MemoryConnection
    | MicrosoftConnection,
    Field(
        discriminator="backend_type",
        description="How the CA is reached; the fields depend on the backend type.",
    ),
]
ConnectionSecrets = Annotated[
    AwsSecrets | DigiCertSecrets | EntrustSecrets | GcpSecrets | MemorySecrets | MicrosoftSecrets,
    Field(
        discriminator="backend_type",
        description="Credentials for the CA. Write-only: they are never returned.",
    ),
]
ProfileOptions = Annotated[
    AwsProfileOptions
    | DigiCertProfileOptions
    | EntrustProfileOptions
    | GcpProfileOptions
    | MemoryProfileOptions
    | MicrosoftProfileOptions,
    Field(
        discriminator="backend_type",
        description="What the profile chooses at the CA; the fields depend on the type.",
    ),
]

EnrollmentOptions = Annotated[
    DigiCertOrderOptions | EntrustOrderOptions | MemoryOrderOptions | MicrosoftOrderOptions,
    Field(
        discriminator="backend_type",
        description="What this order alone says to the CA; the fields depend on the type.",
    ),
]


def plain_secrets(secrets: BaseModel) -> bytes:
    """The secrets in the clear, as JSON their model reads back. For sealing and nothing else."""
    return json.dumps(_plain(secrets)).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {name: _plain(member) for name, member in value}
    return value.get_secret_value() if isinstance(value, SecretStr) else value
