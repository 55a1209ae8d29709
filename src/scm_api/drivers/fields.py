"""Fields that the options of several CAs have in common."""

import re
from typing import Annotated

from pydantic import AfterValidator, SecretStr, StringConstraints
from pydantic_core import PydanticCustomError

from scm_api.drivers.addresses import endpoint_objection


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


EndpointUrl = Annotated[
    str, StringConstraints(min_length=1, max_length=256), AfterValidator(_allowed_endpoint)
]
HeaderSecret = Annotated[SecretStr, AfterValidator(_header_safe)]
