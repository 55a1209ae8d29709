"""Options and secrets of every backend type, told apart by `backend_type`."""

import json
from typing import Annotated

from pydantic import BaseModel, Field, GetCoreSchemaHandler, SecretStr
from pydantic_core import core_schema

from scm_api.core.vocabulary import BackendType
from scm_api.drivers.aws.options import AwsConnection, AwsProfileOptions, AwsSecrets


class _UnionOfOne:
    """Makes one model a union discriminated on `backend_type`.

    pydantic refuses such a union of a single model, but clients should see `oneOf` with a
    discriminator from the first day on. With two models this becomes
    `Annotated[A | B, Field(discriminator="backend_type")]`, and the wire does not change.
    """

    def __init__(self, tag: BackendType) -> None:
        self._tag = tag.value

    def __get_pydantic_core_schema__(
        self, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.tagged_union_schema(
            {self._tag: handler(source)}, discriminator="backend_type"
        )


ConnectionOptions = Annotated[
    AwsConnection,
    _UnionOfOne(BackendType.AWS),
    Field(description="How the CA is reached; the fields depend on the backend type."),
]
ConnectionSecrets = Annotated[
    AwsSecrets,
    _UnionOfOne(BackendType.AWS),
    Field(description="Credentials for the CA. Write-only: they are never returned."),
]
ProfileOptions = Annotated[
    AwsProfileOptions,
    _UnionOfOne(BackendType.AWS),
    Field(description="What the profile chooses at the CA; the fields depend on the type."),
]


def plain_secrets(secrets: BaseModel) -> bytes:
    """The secrets in the clear, as JSON their model reads back. For sealing and nothing else."""
    plain = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in secrets
    }
    return json.dumps(plain).encode()
