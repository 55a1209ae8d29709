"""Calls of CA Service: signed in, paced, each with a deadline and repeated only where it is a read.

Source for roles and codes: Google, "Access control with IAM", and google/rpc/code.proto.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request
from google.cloud.security.privateca_v1 import CertificateAuthorityServiceAsyncClient as Client
from google.cloud.security.privateca_v1.services.certificate_authority_service import transports
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from grpc import StatusCode

from scm_api.drivers import errors
from scm_api.drivers.base import Limiter
from scm_api.drivers.gcp.options import GcpConnection
from scm_api.drivers.grpc_channel import CheckedChannel

_API: Final = "https://privateca.googleapis.com"
_SENDS: Final = 3  # of a read; a write is sent once, and repeated by the worker
_ROLES: Final[Mapping[str, str]] = {
    "caPools.list": "auditor",
    "caPools.get": "poolReader",
    "certificateAuthorities.list": "auditor",
    "certificateTemplates.list": "templateUser",
    "certificateTemplates.use": "templateUser",
    "certificates.create": "certificateRequester",
    "certificates.get": "certificateManager",
    "certificates.update": "caManager",
}
_PATIENCE: Final = timedelta(seconds=2)
_LONGEST_PATIENCE: Final = timedelta(minutes=10)
_LONGEST_WORDS: Final = 500
_WRONG: Final = {
    StatusCode.INVALID_ARGUMENT,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.OUT_OF_RANGE,
    StatusCode.NOT_FOUND,
    StatusCode.ALREADY_EXISTS,
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of the client, the permission it takes, and whether it changes something."""

    method: str
    permission: str
    writes: bool = False


class Caller:
    """One location with one set of credentials. It belongs to the event loop it is made in."""

    def __init__(self, connection: GcpConnection, credentials: Any, limiter: Limiter) -> None:
        # At DEBUG Google's libraries log requests with their tokens.
        logging.getLogger("google").setLevel(logging.INFO)
        origin = connection.endpoint_url or _API
        self._channel = CheckedChannel(origin, connection.trusted_certificates)
        self._clients: tuple[Any, Any] = (None, None)
        self._credentials, self._limiter = credentials, limiter
        self._seconds = connection.call_timeout_seconds
        self._signing = asyncio.Lock()
        self.aclose = self._channel.aclose

    async def call(
        self, operation: Operation, request: Any, resource: str, pace: tuple[str, float]
    ) -> Any:
        """The reply. `resource` is what a missing permission is about. Raises driver errors."""
        for sent in range(1 if operation.writes else _SENDS):
            await asyncio.sleep(0.2 * sent)
            token, client = await self._token(), self._client(await self._channel.ready())
            await self._limiter.acquire(*pace)
            try:
                return await getattr(client, operation.method)(
                    request=request,
                    retry=None,
                    timeout=self._seconds,
                    metadata=(("authorization", f"Bearer {token}"),),
                )
            except GoogleAPICallError as error:
                code, failure = error.grpc_status_code, _failure(error, operation, resource, token)
            if code is StatusCode.DEADLINE_EXCEEDED:
                self._channel.hang_up()  # it may be a connection that only seems to be there
            if not isinstance(failure, errors.BackendUnavailable) or failure.retry_after:
                break
        if isinstance(failure, errors.BackendUnavailable) and failure.retry_after:
            await self._limiter.slow_down(pace[0], failure.retry_after)
        # Raised out here, without the error of the library, which holds the request.
        raise failure

    def _client(self, channel: Any) -> Any:
        if self._clients[0] is not channel:
            transport = transports.CertificateAuthorityServiceGrpcAsyncIOTransport(channel=channel)
            self._clients = (channel, Client(transport=transport))
        return self._clients[1]

    async def _token(self) -> str:
        failure: errors.DriverError
        async with self._signing:
            try:
                if not self._credentials.valid:
                    await asyncio.to_thread(self._credentials.refresh, Request())
                token = self._credentials.token
                return token.decode() if isinstance(token, bytes) else str(token)
            except TransportError:
                failure = errors.BackendUnavailable("Google's token service cannot be reached.")
            except (GoogleAuthError, ValueError) as error:
                why = type(error).__name__
                failure = errors.BackendRefused(
                    f"Google gives no token for the credentials: {why}."
                )
        raise failure


def permission_words(permission: str) -> str:
    """The permission, and a predefined role that has it."""
    short = permission.removeprefix("privateca.")
    role = f" (roles/privateca.{_ROLES[short]} has it)" if short in _ROLES else ""
    return f"privateca.{short}{role}"


def _failure(
    error: GoogleAPICallError, operation: Operation, resource: str, token: str
) -> errors.DriverError:
    """Which of the four kinds of failure an error is; the token must not be repeated."""
    code, said = error.grpc_status_code, _said(error).replace(token, "...")
    if code is StatusCode.RESOURCE_EXHAUSTED and "larger than max" not in said:
        words = f"A quota of CA Service is used up: {said}"
        return errors.BackendUnavailable(words, retry_after=_retry_delay(error) or _PATIENCE)
    if code is StatusCode.ABORTED:
        words = f"CA Service asks for a repeat: {said}"
        return errors.BackendUnavailable(words, retry_after=_PATIENCE)
    if code is StatusCode.UNAUTHENTICATED:
        return errors.BackendRefused(f"Google does not accept the credentials: {said}")
    if code is StatusCode.PERMISSION_DENIED:
        lacking = permission_words((error.metadata or {}).get("permission", operation.permission))
        sentence = (
            f"The credentials lack {lacking} on {resource}; or there is no such resource, or the "
            f"API is not enabled in the project. Google says: {said}"
        )
        return errors.BackendRefused(sentence, whole_backend=not operation.writes)
    if code is StatusCode.UNIMPLEMENTED:
        return errors.BackendRefused(f"Whoever answers at the endpoint is not CA Service: {said}")
    if code is not None and code in _WRONG and operation.permission.startswith("certificates."):
        return errors.OrderRefused(said, code=code.name)
    if code in _WRONG:
        return errors.BackendRefused(f"CA Service refuses to tell of {resource}: {said}")
    sentence = f"CA Service gave no answer ({code.name if code else error.code}): {said}"
    kind = errors.OutcomeUnknown if operation.writes else errors.BackendUnavailable
    return kind(sentence)


def _said(error: GoogleAPICallError) -> str:
    violations = [
        f"{each.field}: {each.description}"
        for detail in error.details
        if isinstance(detail, BadRequest)
        for each in detail.field_violations
    ]
    text = "; ".join([str(error.message or "nothing"), *violations])[:_LONGEST_WORDS]
    return "".join(each if each.isprintable() else " " for each in text).rstrip(".") + "."


def _retry_delay(error: GoogleAPICallError) -> timedelta:
    found = [each.retry_delay.ToTimedelta() for each in error.details if type(each) is RetryInfo]
    return min([_LONGEST_PATIENCE, *found]) if found else timedelta(0)
