"""Options and secrets of every backend type, told apart by `backend_type`."""

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field, SecretStr, ValidatorFunctionWrapHandler, WrapValidator

from scm_api.core.vocabulary import BackendType
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
from scm_api.drivers.kinds import BackendKind
from scm_api.drivers.microsoft.options import (
    MicrosoftConnection,
    MicrosoftOrderOptions,
    MicrosoftProfileOptions,
    MicrosoftSecrets,
)
from scm_api.drivers.registry import REGISTRY


def _or(model_of: Callable[[BackendKind], type[BaseModel] | None]) -> WrapValidator:
    """Beside the types of the contract, that of a kind which tests added to the registry."""

    def read(value: Any, known: ValidatorFunctionWrapHandler) -> Any:
        named = value.get("backend_type") if isinstance(value, Mapping) else None
        if isinstance(named, str) and named in REGISTRY and named not in set(BackendType):
            model = model_of(REGISTRY[named])
            return known(value) if model is None else model.model_validate(value)
        return known(value)

    return WrapValidator(read)


ConnectionOptions = Annotated[
    AwsConnection | DigiCertConnection | EntrustConnection | GcpConnection | MicrosoftConnection,
    Field(
        discriminator="backend_type",
        title="ConnectionOptions",
        description="How the CA is reached; the fields depend on the backend type.",
    ),
    _or(lambda kind: kind.connection_options),
]
ConnectionSecrets = Annotated[
    AwsSecrets | DigiCertSecrets | EntrustSecrets | GcpSecrets | MicrosoftSecrets,
    Field(
        discriminator="backend_type",
        title="ConnectionSecrets",
        description="Credentials for the CA. Write-only: they are never returned.",
    ),
    _or(lambda kind: kind.secrets),
]
ProfileOptions = Annotated[
    AwsProfileOptions
    | DigiCertProfileOptions
    | EntrustProfileOptions
    | GcpProfileOptions
    | MicrosoftProfileOptions,
    Field(
        discriminator="backend_type",
        title="ProfileOptions",
        description="What the profile chooses at the CA; the fields depend on the type.",
    ),
    _or(lambda kind: kind.profile_options),
]

EnrollmentOptions = Annotated[
    DigiCertOrderOptions | EntrustOrderOptions | MicrosoftOrderOptions,
    Field(
        discriminator="backend_type",
        title="OrderOptions",
        description="What this order alone says to the CA; the fields depend on the type.",
    ),
    _or(lambda kind: kind.order_options and kind.order_options.model),
]


def plain_secrets(secrets: BaseModel) -> bytes:
    """The secrets in the clear, as JSON their model reads back. For sealing and nothing else."""
    return json.dumps(_plain(secrets)).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {name: _plain(member) for name, member in value}
    return value.get_secret_value() if isinstance(value, SecretStr) else value
