"""Temporary credentials of assumed roles, kept in the session token itself.

The token carries the role, the session's name and its end under a MAC; the secret is derived
from it. So no list of sessions is kept, and sessions outlive a restart of the simulator.
"""

import binascii
import hashlib
import hmac
import json
import secrets
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

from scm_api.sandbox.aws.errors import ApiError
from scm_api.sandbox.aws.identities import Caller, Credentials, role_session_arn


@dataclass(frozen=True, slots=True)
class Session:
    """What AssumeRole hands out. `expires` is a Unix time in seconds."""

    access_key_id: str
    secret_access_key: str
    token: str
    expires: int


class Sessions:
    """Makes and reads session tokens with a key of the state directory."""

    def __init__(self, key_file: Path) -> None:
        if not key_file.exists():
            key_file.touch(mode=0o600)
            key_file.write_bytes(secrets.token_bytes(32))
        self._key = key_file.read_bytes()

    def open(self, role_arn: str, session_name: str, expires: int) -> Session:
        key_id = "ASIA" + b32encode(secrets.token_bytes(10)).decode()
        claims = json.dumps([key_id, role_arn, session_name, expires]).encode()
        token = urlsafe_b64encode(self._mac(claims) + claims).decode()
        return Session(key_id, self._secret(token), token, expires)

    def resolve(
        self, access_key_id: str, token: str, region: str, credentials: Credentials, now: float
    ) -> tuple[Caller, str]:
        """The caller a token stands for and the secret that must have signed.

        Raises ApiError UnrecognizedClientException for a token that is not ours, belongs to
        another key or names a role that is gone, ExpiredTokenException after its end.
        """
        try:
            raw = urlsafe_b64decode(token)
        except (binascii.Error, ValueError):
            raw = b""
        mac, claims = raw[:32], raw[32:]
        if not hmac.compare_digest(mac, self._mac(claims)):
            raise unrecognized()
        key_id, role_arn, session_name, expires = json.loads(claims)
        role = credentials.role(role_arn)
        if key_id != access_key_id or role is None:
            raise unrecognized()
        if now >= expires:
            raise ApiError(
                "ExpiredTokenException",
                "The security token included in the request is expired",
            )
        arn = role_session_arn(role_arn, session_name)
        caller = Caller(access_key_id, arn, arn.split(":")[4], region, role.policy)
        return caller, self._secret(token)

    def _secret(self, token: str) -> str:
        return urlsafe_b64encode(self._mac(b"secret:" + token.encode())[:30]).decode()

    def _mac(self, data: bytes) -> bytes:
        return hmac.new(self._key, data, hashlib.sha256).digest()


def unrecognized() -> ApiError:
    return ApiError(
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )
