"""Options and secrets of every backend type, told apart by `backend_type`."""

import json
from typing import Annotated

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
from scm_api.drivers.memory.options import (
    MemoryConnection,
    MemoryOrderOptions,
    MemoryProfileOptions,
    MemorySecrets,
)

ConnectionOptions = Annotated[
    AwsConnection | DigiCertConnection | EntrustConnection | MemoryConnection,
    Field(
        discriminator="backend_type",
        description="How the CA is reached; the fields depend on the backend type.",
    ),
]
ConnectionSecrets = Annotated[
    AwsSecrets | DigiCertSecrets | EntrustSecrets | MemorySecrets,
    Field(
        discriminator="backend_type",
        description="Credentials for the CA. Write-only: they are never returned.",
    ),
]
ProfileOptions = Annotated[
    AwsProfileOptions | DigiCertProfileOptions | EntrustProfileOptions | MemoryProfileOptions,
    Field(
        discriminator="backend_type",
        description="What the profile chooses at the CA; the fields depend on the type.",
    ),
]

EnrollmentOptions = Annotated[
    DigiCertOrderOptions | EntrustOrderOptions | MemoryOrderOptions,
    Field(
        discriminator="backend_type",
        description="What this order alone says to the CA; the fields depend on the type.",
    ),
]


def plain_secrets(secrets: BaseModel) -> bytes:
    """The secrets in the clear, as JSON their model reads back. For sealing and nothing else."""
    plain = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in secrets
    }
    return json.dumps(plain).encode()
