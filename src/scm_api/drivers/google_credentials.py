"""Credentials for Google: the key file of a service account, or what the machine has.

Google's packages are loaded by those who sign in only.
"""

import json
import re
from typing import Annotated, Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from scm_api.drivers.errors import BackendRefused
from scm_api.drivers.private_keys import private_key

_SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)
_TOKEN_URIS: Final = (
    "https://oauth2.googleapis.com/token",
    "https://accounts.google.com/o/oauth2/token",
)


def _key_file(secret: SecretStr) -> SecretStr:
    """A service account's key as Google hands it out; every wrong member is named, no value is."""
    wrong = _wrong_members(secret.get_secret_value())
    if wrong:
        raise PydanticCustomError(
            "unusable-credential",
            "It is no service account key as Google hands it out: {wrong}.",
            {"wrong": "; ".join(wrong)},
        )
    return secret


def _wrong_members(text: str) -> list[str]:
    try:
        content = json.loads(text)
    except ValueError:
        return ["it is not JSON"]
    if not isinstance(content, dict):
        return ["it is not a JSON object"]
    if content.get("type") != "service_account":
        return ["type is not service_account"]
    email = str(content.get("client_email"))
    key = str(content.get("private_key"))
    checks = {
        "private_key is no unencrypted RSA key of at most 4,096 bits in PEM": _is_rsa(key),
        "private_key_id is missing": bool(content.get("private_key_id")),
        "client_email is not the address of a service account": re.fullmatch(
            r"[^@\s]{1,64}@[a-z0-9.-]{1,128}\.gserviceaccount\.com", email
        ),
        "token_uri is not Google's": content.get("token_uri") in _TOKEN_URIS,
        "universe_domain is not googleapis.com": content.get("universe_domain", "googleapis.com")
        == "googleapis.com",
    }
    return [complaint for complaint, is_right in checks.items() if not is_right]


def _is_rsa(pem: str) -> bool:
    try:
        return isinstance(private_key(pem), rsa.RSAPrivateKey)
    except (ValueError, TypeError):
        return False


ServiceAccountKey = Annotated[SecretStr, Field(max_length=16_384), AfterValidator(_key_file)]
"""The JSON key file of a service account, as text."""


def self_signing(key: SecretStr, audience: str) -> Any:
    """Credentials that sign their own tokens, without a call of Google's token service."""
    from google.auth.crypt import RSASigner
    from google.auth.jwt import Credentials

    info = json.loads(key.get_secret_value())
    email = info["client_email"]
    # google-auth has no types
    signer = RSASigner(  # type: ignore[no-untyped-call]
        private_key(info["private_key"]), info["private_key_id"]
    )
    return Credentials(  # type: ignore[no-untyped-call]
        signer, issuer=email, subject=email, audience=audience
    )


def machine_credentials() -> Any:
    """What Google's libraries find on this machine, which may take seconds.

    Raises BackendRefused where there is nothing.
    """
    from google.auth import default
    from google.auth.exceptions import GoogleAuthError

    try:
        return default(scopes=_SCOPES)[0]
    except GoogleAuthError as error:
        why = type(error).__name__
    raise BackendRefused(
        f"There are no application default credentials on this machine ({why}): attach a service "
        "account, set up workload identity, or use the key of a service account."
    )
