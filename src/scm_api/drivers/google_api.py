"""Calls of a Google API over gRPC: signed in, paced, each with a deadline, reads repeated; and what
a status means (google/rpc/code.proto, error_details.proto)."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from grpc import StatusCode

from scm_api.drivers import errors
from scm_api.drivers.grpc_channel import CheckedChannel
from scm_api.drivers.pacing import Limiter

_SENDS: Final = 3  # of a read; a write is sent once, and repeated by the worker
_PATIENCE: Final = timedelta(seconds=2)
_LONGEST_PATIENCE: Final = timedelta(minutes=10)
_LONGEST_WORDS: Final = 500
_LOST: Final = (StatusCode.DEADLINE_EXCEEDED, StatusCode.UNAVAILABLE)
_WRONG: Final = (
    "INVALID_ARGUMENT",
    "FAILED_PRECONDITION",
    "OUT_OF_RANGE",
    "NOT_FOUND",
    "ALREADY_EXISTS",
)


@dataclass(frozen=True, slots=True)
class Api:
    """One API: how its client is made for a channel, the permission each of its methods takes with
    a predefined role that has it, which methods are about one order, and which about all that there
    is. What is denied of one pool or certificate leaves the others going."""

    title: str
    client: Callable[[Any], Any]
    role_prefix: str
    rights: Mapping[str, tuple[str, str]]
    orders: frozenset[str]
    everything: frozenset[str]

    def permission_words(self, permission: str) -> str:
        """The permission, and a role that has it."""
        role = dict(self.rights.values()).get(permission)
        return f"{permission} ({self.role_prefix}{role} has it)" if role else permission


class Caller:
    """One API with one set of credentials. It belongs to the event loop it is used in.

    `seconds` is the deadline of one call.
    """

    def __init__(
        self,
        api: Api,
        channel: CheckedChannel,
        credentials: Any,
        limiter: Limiter,
        seconds: float,
    ) -> None:
        # At DEBUG Google's libraries log requests with their tokens.
        logging.getLogger("google").setLevel(logging.INFO)
        self._api, self._channel, self._seconds = api, channel, seconds
        self._clients: tuple[Any, Any] = (None, None)
        self._credentials, self._limiter = credentials, limiter
        self._signing = asyncio.Lock()

    async def call(
        self,
        method: str,
        request: Any,
        resource: str,
        pace: tuple[str, float],
        *,
        writes: bool = False,
    ) -> Any:
        """The reply. `resource` is what a missing permission is about. Raises driver errors."""
        for sent in range(1 if writes else _SENDS):
            await asyncio.sleep(0.2 * sent)
            token, client = await self._token(), self._client(await self._channel.ready())
            await self._limiter.acquire(*pace)
            try:
                return await getattr(client, method)(
                    request=request,
                    retry=None,
                    timeout=self._seconds,
                    metadata=(("authorization", f"Bearer {token}"),),
                )
            except GoogleAPICallError as error:
                said = _said(error).replace(token, "...")
                failure = _failure(self._api, error, said, method, resource, writes=writes)
                if error.grpc_status_code in _LOST:
                    self._channel.hang_up()  # it may be a connection that only seems to be there
            if not isinstance(failure, errors.BackendUnavailable) or failure.retry_after:
                break
        if isinstance(failure, errors.BackendUnavailable) and failure.retry_after:
            await self._limiter.slow_down(pace[0], failure.retry_after)
        # Raised out here, without the error of the library, which holds the request.
        raise failure

    async def aclose(self) -> None:
        """Close every connection at once."""
        await self._channel.aclose()
        self._clients = (None, None)

    def _client(self, channel: Any) -> Any:
        if self._clients[0] is not channel:
            self._clients = (channel, self._api.client(channel))
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


def _failure(
    api: Api, error: GoogleAPICallError, said: str, method: str, resource: str, *, writes: bool
) -> errors.DriverError:
    """Which of the four kinds of failure an error is."""
    code = error.grpc_status_code.name if error.grpc_status_code else str(error.code)
    whole = method in api.everything
    permission = (error.metadata or {}).get("permission", api.rights[method][0])
    match code:
        case "RESOURCE_EXHAUSTED" if "larger than max" not in said:
            words, wait = f"A quota of {api.title} is used up: {said}", _retry_delay(error)
            return errors.BackendUnavailable(words, retry_after=wait or _PATIENCE)
        case "ABORTED":
            words = f"{api.title} asks for a repeat: {said}"
            return errors.BackendUnavailable(words, retry_after=_PATIENCE)
        case "UNAUTHENTICATED":
            return errors.BackendRefused(f"Google does not accept the credentials: {said}")
        case "PERMISSION_DENIED":
            sentence = (
                f"The credentials lack {api.permission_words(permission)} on {resource}; or there "
                f"is no such resource, or the API is not enabled in the project. Google: {said}"
            )
            return errors.BackendRefused(sentence, whole_backend=whole)
        case "UNIMPLEMENTED":
            return errors.BackendRefused(f"Whoever answers there is not {api.title}: {said}")
    if code in _WRONG and method in api.orders:
        return errors.OrderRefused(said, code=code)
    if code in _WRONG:
        sentence = f"{api.title} tells nothing of {resource}: {said}"
        return errors.BackendRefused(sentence, whole_backend=whole)
    kind = errors.OutcomeUnknown if writes else errors.BackendUnavailable
    return kind(f"{api.title} gave no answer ({code}): {said}")


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
