"""Calls of CertCentral with one API key, and which of the four kinds of failure an error is."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from scm_api.drivers.digicert import wire
from scm_api.drivers.digicert.options import DigiCertConnection, DigiCertSecrets
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.drivers.http import NoAnswerError, NotSentError, Reply, StrictClient
from scm_api.drivers.pacing import Limiter

_HOSTS: Final = {"us": "https://www.digicert.com", "eu": "https://certcentral.digicert.eu"}
_PREFIX: Final = "/services/v2"
# 1000 calls in 3 minutes for each key (rate limits); a margin is left for the account's own people.
_PER_SECOND: Final = 5.0
_PATIENCE: Final = timedelta(seconds=5)
_NO_RIGHT: Final = "access_denied|missing_permission"
"""To this call: role or restriction of the key may allow others."""

T = TypeVar("T")


class Session:
    """One key's calls, at their pace; `pace` is its name."""

    def __init__(
        self, connection: DigiCertConnection, secrets: DigiCertSecrets, limiter: Limiter
    ) -> None:
        key = secrets.api_key.get_secret_value()
        self._limiter = limiter
        self.pace = f"digicert/{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        headers = {
            "X-DC-DEVKEY": key,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "scm-api",
        }
        origin = connection.endpoint_url or _HOSTS[connection.instance]
        self._http = StrictClient(origin, headers)

    async def read(self, path: str, reading: Callable[[Any], T]) -> T:
        """What a call tells that changes nothing; whatever goes wrong may be asked again."""
        try:
            return reading(await self._call("GET", path, None))
        except (NoAnswerError, wire.Unreadable) as error:
            raise BackendUnavailable(f"DigiCert did not answer: {error}.") from error

    async def write(self, method: str, path: str, body: Any) -> Any:
        """JSON of a call that changes something, None where it answers with nothing."""
        try:
            return await self._call(method, path, body)
        except (NoAnswerError, wire.Unreadable) as error:
            raise OutcomeUnknown(f"DigiCert did not answer: {error}.") from error

    async def _call(self, method: str, path: str, body: Any) -> Any:
        await self._limiter.acquire(self.pace, _PER_SECOND)
        content = b"" if body is None else json.dumps(body).encode()
        try:
            reply = await self._http.call(method, _PREFIX + path, content)
        except NotSentError as error:
            raise BackendUnavailable(f"DigiCert cannot be reached: {error}.") from error
        if reply.status == 429:
            await self._limiter.slow_down(self.pace, _PATIENCE)
            raise BackendUnavailable("DigiCert asks for patience.", retry_after=_PATIENCE)
        if reply.status >= 400:
            _refuse(reply)
        return _content(reply)

    async def aclose(self) -> None:
        """Close every socket."""
        await self._http.aclose()


def _content(reply: Reply) -> Any:
    if not reply.body and reply.status == 204:
        return None
    try:
        return json.loads(reply.body)
    except ValueError as error:
        kind = reply.headers.get("content-type", "nothing known")
        raise wire.Unreadable(f"status {reply.status} with {kind} that is no JSON") from error


def _refuse(reply: Reply) -> None:
    """Which of the four kinds of failure an error is. A wrong key is 403, not 401."""
    try:
        refusal = wire.read_refusal(json.loads(reply.body))
    except ValueError:
        refusal = None
    if refusal is None or reply.status >= 500 or reply.status == 406:
        raise NoAnswerError(f"status {reply.status}")
    code, words = refusal
    if reply.status in (401, 403):
        if code == "access_denied|invalid_approver":
            raise OrderRefused(words, code=code)
        detail = f"DigiCert refuses the API key: {words} ({code})"
        raise BackendRefused(detail, whole_backend=code != _NO_RIGHT)
    raise OrderRefused(words, code=code)
