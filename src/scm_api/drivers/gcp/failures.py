"""What a status of CA Service means: one of the four kinds of failure, in words.

Source: google/rpc/code.proto, and the IAM roles of CA Service.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from google.api_core.exceptions import GoogleAPICallError
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from grpc import StatusCode

from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    DriverError,
    OrderRefused,
    OutcomeUnknown,
)

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
"""A predefined role that has the permission; the names lack `privateca.` and `roles/privateca.`."""

_PATIENCE: Final = timedelta(seconds=2)
_LONGEST_PATIENCE: Final = timedelta(minutes=10)
_LONGEST_WORDS: Final = 500
_WRONG: Final = (
    StatusCode.INVALID_ARGUMENT,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.OUT_OF_RANGE,
    StatusCode.NOT_FOUND,
    StatusCode.ALREADY_EXISTS,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of the client, the permission it takes, and whether it changes something."""

    method: str
    permission: str
    writes: bool = False


class TooFast(BackendUnavailable):
    """A quota is used up."""


def permission_words(permission: str) -> str:
    """The permission, and a role that has it."""
    role = _ROLES.get(permission.removeprefix("privateca."))
    full = f"privateca.{permission.removeprefix('privateca.')}"
    return f"{full}, which roles/privateca.{role} has" if role else full


def translate(
    error: GoogleAPICallError, operation: Operation, resource: str, hidden: str
) -> DriverError:
    """The failure behind an error; `hidden` must not be repeated, whoever says it."""
    code, said = error.grpc_status_code, _said(error, hidden)
    if code is StatusCode.RESOURCE_EXHAUSTED and "larger than max" not in said:
        wait = _retry_delay(error) or _PATIENCE
        return TooFast(f"A quota of CA Service is used up: {said}", retry_after=wait)
    if code is StatusCode.ABORTED:
        return BackendUnavailable(
            f"CA Service asks for a repeat: {said}", retry_after=timedelta(seconds=1)
        )
    if code is StatusCode.UNAUTHENTICATED:
        return BackendRefused(f"Google does not accept the credentials: {said}")
    if code is StatusCode.PERMISSION_DENIED:
        asked = (error.metadata or {}).get("permission", operation.permission)
        sentence = (
            f"The credentials lack {permission_words(asked)}, on {resource}; or there is no such "
            f"resource, or the API is not enabled in the project. Google says: {said}"
        )
        return BackendRefused(sentence, whole_backend=not operation.writes)
    if code is StatusCode.UNIMPLEMENTED:
        return BackendRefused(f"Whoever answers at the endpoint is not CA Service: {said}")
    if code in _WRONG:
        return OrderRefused(said, code=code.name)
    sentence = f"CA Service gave no answer ({code.name if code else error.code}): {said}"
    return OutcomeUnknown(sentence) if operation.writes else BackendUnavailable(sentence)


def _said(error: GoogleAPICallError, hidden: str) -> str:
    wrong = [
        f"{each.field}: {each.description}"
        for detail in error.details
        if isinstance(detail, BadRequest)
        for each in detail.field_violations
    ]
    message = str(error.message or "nothing")
    more = [each for each in wrong if each.partition(": ")[2] not in message]
    text = " ".join([message, *more]).replace(hidden, "...")
    shown = "".join(each if each.isprintable() else " " for each in text)[:_LONGEST_WORDS]
    return shown if shown.endswith(".") else f"{shown}."


def _retry_delay(error: GoogleAPICallError) -> timedelta | None:
    found: list[Any] = [each for each in error.details if isinstance(each, RetryInfo)]
    delay = found[0].retry_delay.ToTimedelta() if found else timedelta(0)
    return min(delay, _LONGEST_PATIENCE) if delay > timedelta(0) else None
