"""Fields that the options of several CAs have in common."""

import re
from typing import Annotated, Final

from cryptography import x509
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from scm_api.drivers.addresses import endpoint_objection

MOST: Final = 2**53 - 1
"""The largest integer that every reader of JSON takes for the same (RFC 8259 section 6)."""


class Options(BaseModel):
    """What is said about a CA: nothing but what it names, in the types it names."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Secrets(Options):
    """Credentials, which no error repeats."""

    model_config = ConfigDict(hide_input_in_errors=True)


def with_example(**members: JsonValue) -> ConfigDict:
    """What a model adds to those: an example for the documentation."""
    return ConfigDict(json_schema_extra={"examples": [members]})


def _allowed_endpoint(url: str) -> str:
    objection = endpoint_objection(url)
    if objection is not None:
        raise PydanticCustomError("endpoint-not-allowed", "{objection}", {"objection": objection})
    return url.rstrip("/")


def _header_safe(secret: SecretStr) -> SecretStr:
    """Keys and tokens end up in HTTP headers or beside them: visible ASCII without blanks."""
    if re.fullmatch(r"[!-~]{1,8192}", secret.get_secret_value()) is None:
        raise PydanticCustomError(
            "malformed-secret", "Use 1 to 8192 visible ASCII characters without blanks."
        )
    return secret


def _certificates(pem: str | None) -> str | None:
    try:
        if pem is not None:
            x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise PydanticCustomError("malformed-certificate", "It is no PEM certificate.") from error
    return pem


EndpointUrl = Annotated[
    str, StringConstraints(min_length=1, max_length=256), AfterValidator(_allowed_endpoint)
]
HeaderSecret = Annotated[SecretStr, AfterValidator(_header_safe)]
TrustedCertificates = Annotated[
    str | None,
    StringConstraints(max_length=65_536),
    AfterValidator(_certificates),
    Field(
        description="PEM of the CAs that the servers' certificates may come from, in place of "
        "those the system trusts."
    ),
]
ClientCertificate = Annotated[
    str | None, Field(max_length=32_768, description="PEM, followed by its chain.")
]
ClientKey = Annotated[
    SecretStr | None,
    Field(
        max_length=32_768,
        description="PEM without a password: RSA of at most 4,096 bits, EC or Ed25519.",
    ),
]
