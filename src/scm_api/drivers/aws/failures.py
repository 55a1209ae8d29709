"""From what the AWS SDK raises to the four kinds of driver error.

The question behind every row is: can the CA have acted? An error code of AWS below status 500
says no. A failure before a request left us says no. Everything else after a write says maybe.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

from botocore import exceptions as sdk

from scm_api.drivers.aws.operations import ISSUE, Operation
from scm_api.drivers.aws.transport import RedirectRefused, ReplyTooLarge
from scm_api.drivers.aws.wire import Unreadable
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    DriverError,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.drivers.resolving import ForbiddenAddress

_THROTTLED_WAIT: Final = timedelta(seconds=2)
_BUSY_WAIT: Final = timedelta(seconds=5)
_STATE_WAIT: Final = timedelta(minutes=5)
_LONGEST_WAIT: Final = timedelta(hours=1)
_LONGEST_WORDS: Final = 500


class Verdict(Enum):
    """What an error code of AWS means for us."""

    THROTTLED = auto()
    DENIED = auto()
    CREDENTIALS = auto()
    QUOTA = auto()
    ARGUMENT = auto()
    STATE = auto()
    BUSY = auto()


VERDICTS: Final[Mapping[str, Verdict]] = {
    "ThrottlingException": Verdict.THROTTLED,
    "Throttling": Verdict.THROTTLED,
    "ThrottledException": Verdict.THROTTLED,
    "RequestThrottled": Verdict.THROTTLED,
    "RequestThrottledException": Verdict.THROTTLED,
    "RequestLimitExceeded": Verdict.THROTTLED,
    "TooManyRequestsException": Verdict.THROTTLED,
    "SlowDown": Verdict.THROTTLED,
    "AccessDeniedException": Verdict.DENIED,
    "AccessDenied": Verdict.DENIED,
    "NotAuthorized": Verdict.DENIED,
    "InvalidIdentityToken": Verdict.DENIED,
    "IDPRejectedClaim": Verdict.DENIED,
    "UnauthorizedOperation": Verdict.DENIED,
    "UnrecognizedClientException": Verdict.CREDENTIALS,
    "InvalidClientTokenId": Verdict.CREDENTIALS,
    "InvalidAccessKeyId": Verdict.CREDENTIALS,
    "AuthFailure": Verdict.CREDENTIALS,
    "InvalidSignatureException": Verdict.CREDENTIALS,
    "SignatureDoesNotMatch": Verdict.CREDENTIALS,
    "IncompleteSignature": Verdict.CREDENTIALS,
    "IncompleteSignatureException": Verdict.CREDENTIALS,
    "MissingAuthenticationToken": Verdict.CREDENTIALS,
    "MissingAuthenticationTokenException": Verdict.CREDENTIALS,
    "ExpiredToken": Verdict.CREDENTIALS,
    "ExpiredTokenException": Verdict.CREDENTIALS,
    "RequestExpired": Verdict.CREDENTIALS,
    "OptInRequired": Verdict.CREDENTIALS,
    "RegionDisabledException": Verdict.CREDENTIALS,
    "LimitExceededException": Verdict.QUOTA,
    "InvalidArgsException": Verdict.ARGUMENT,
    "InvalidArnException": Verdict.ARGUMENT,
    "InvalidRequestException": Verdict.ARGUMENT,
    "InvalidParameterException": Verdict.ARGUMENT,
    "MalformedCSRException": Verdict.ARGUMENT,
    "ResourceNotFoundException": Verdict.ARGUMENT,
    "ValidationException": Verdict.ARGUMENT,
    "ValidationError": Verdict.ARGUMENT,
    "SerializationException": Verdict.ARGUMENT,
    "InvalidStateException": Verdict.STATE,
    "ConcurrentModificationException": Verdict.BUSY,
    "RequestInProgressException": Verdict.BUSY,
}
"""Error codes below status 500, after any of which the CA did nothing."""

_BROKEN_OFF: Final = frozenset(
    {
        "OtherException",
        "RequestAbortedException",
        "RequestFailedException",
        "RequestTimeout",
        "RequestTimeoutException",
    }
)
"""Error codes below status 500 that decide nothing: something failed on the way (User Guide,
"Exception messages", and the errors common to all services)."""

WRONG_ARGUMENTS: Final = frozenset(code for code, v in VERDICTS.items() if v is Verdict.ARGUMENT)

_CREDENTIAL_SENTENCES: Final[Mapping[str, str]] = {
    "InvalidSignatureException": "the secret access key is wrong, or this machine's clock is off",
    "SignatureDoesNotMatch": "the secret access key is wrong, or this machine's clock is off",
    "RequestExpired": "the request's time is too old: this machine's clock is off",
    "ExpiredToken": "the session token has expired",
    "ExpiredTokenException": "the session token has expired",
    "OptInRequired": "the account is not signed up for AWS Private CA",
    "RegionDisabledException": "the account has not enabled this region",
}
_UNKNOWN_KEY: Final = "the access key or session token is not known, not active, or not complete"

_NOTHING_SENT: Final = (
    sdk.EndpointConnectionError,
    sdk.ConnectTimeoutError,
    sdk.ProxyConnectionError,
)
_NO_CREDENTIALS: Final = (
    sdk.NoCredentialsError,
    sdk.PartialCredentialsError,
    sdk.CredentialRetrievalError,
    sdk.TokenRetrievalError,
    sdk.NoAuthTokenError,
    sdk.MetadataRetrievalError,
    sdk.SSOError,
    sdk.ProfileNotFound,
    sdk.ConfigParseError,
    sdk.InvalidConfigError,
)


class CredentialsRefused(BackendRefused):
    """AWS does not know the credentials, or not any more; the machine may have others by now."""


class Throttled(BackendUnavailable):
    """AWS asked for a slower pace; the driver passes it on to everybody in the account."""

    def __init__(self, detail: str, wait: timedelta) -> None:
        super().__init__(detail, retry_after=wait)
        self.wait = wait


def translate(
    error: Exception,
    operation: Operation,
    *,
    resource: str,
    template: str | None = None,
    hidden: tuple[str, ...] = (),
) -> DriverError:
    """What `error`, raised by the SDK in a call of `operation`, means for the caller.

    `resource` and `template` are ARNs for the sentence; `hidden` are the credentials in use,
    which a reply could have echoed.
    """
    if isinstance(error, DriverError):
        return error
    if isinstance(error, sdk.ClientError):
        return _answered(error, operation, resource, template, hidden)
    if isinstance(error, _NO_CREDENTIALS):
        return BackendRefused(f"There are no usable credentials: {words(str(error), hidden)}")
    if isinstance(error, sdk.ParamValidationError):
        return OrderRefused(words(str(error), hidden), code="ParamValidation")
    return _unanswered(error, operation, hidden)


def _unanswered(error: Exception, operation: Operation, hidden: tuple[str, ...]) -> DriverError:
    cause = _cause(error)
    if isinstance(cause, ForbiddenAddress):
        return BackendRefused(f"{cause}.")
    if isinstance(error, RedirectRefused):
        return BackendRefused(str(error))
    if isinstance(error, sdk.SSLError):
        return BackendRefused(f"No trustworthy TLS connection to AWS: {words(str(cause), hidden)}")
    if isinstance(error, _NOTHING_SENT):
        return BackendUnavailable(f"AWS cannot be reached: {words(str(error), hidden)}")
    return unknown(operation, _how_it_ended(error, hidden))


def unknown(operation: Operation, how: str) -> DriverError:
    """The call left us and no usable answer came back; `how` says in words what came instead."""
    if operation.writes:
        return OutcomeUnknown(f"{operation.name} was sent, but {how}. AWS may have carried it out.")
    return BackendUnavailable(f"{operation.name} was sent, but {how}.")


def _how_it_ended(error: Exception, hidden: tuple[str, ...]) -> str:
    match error:
        case TimeoutError() | sdk.ReadTimeoutError():
            return "no answer came in time"
        case sdk.ConnectionClosedError():
            return "the connection closed before the answer was complete"
        case ReplyTooLarge():
            return str(error)
        case Unreadable():
            return f"the answer is not one of AWS Private CA: {error}"
        case _:
            return (
                f"the answer cannot be read ({words(f'{type(error).__name__}: {error}', hidden)})"
            )


def _answered(
    error: sdk.ClientError,
    operation: Operation,
    resource: str,
    template: str | None,
    hidden: tuple[str, ...],
) -> DriverError:
    code, status, said = reply_of(error, hidden)
    verdict = VERDICTS.get(code)
    if code in _BROKEN_OFF:
        return unknown(operation, f"AWS answered that it failed on the way: {said} ({code})")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and verdict is not Verdict.THROTTLED:
        return unknown(operation, f"AWS answered with status {status} ({code})")
    match verdict:
        case Verdict.THROTTLED:
            return Throttled(f"AWS asks for fewer {operation.name} calls.", _retry_after(error))
        case Verdict.DENIED:
            sentence = _denied(operation, resource, template, said)
            return BackendRefused(sentence, whole_backend=not operation.on_one_ca)
        case Verdict.CREDENTIALS:
            # AWS's own words can hold the canonical request, and with it the session token.
            because = _CREDENTIAL_SENTENCES.get(code, _UNKNOWN_KEY)
            return CredentialsRefused(f"AWS does not accept the credentials: {because} ({code}).")
        case Verdict.QUOTA:
            return BackendRefused(
                f"A quota of the AWS account is used up and has to be raised: {said} ({code}).",
                whole_backend=not operation.on_one_ca,
            )
        case Verdict.ARGUMENT if operation.final:
            return OrderRefused(said or code, code=code)
        case Verdict.STATE:
            detail = f"The private CA is not in a state for {operation.name}: {said} ({code})."
            return BackendUnavailable(detail, retry_after=_STATE_WAIT)
        case Verdict.ARGUMENT | Verdict.BUSY:
            return BackendUnavailable(f"{said or operation.name} ({code})", retry_after=_BUSY_WAIT)
        case None:
            return _unlisted(code, status, said, operation, error)


def _unlisted(
    code: str, status: int, said: str, operation: Operation, error: sdk.ClientError
) -> DriverError:
    """No code of ours: a status alone comes from a proxy or a gateway in between."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(f"AWS asks for fewer {operation.name} calls.", _retry_after(error))
    if status in {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    }:
        return BackendRefused(f"{operation.name} was answered with status {status}: {said}")
    if code.isdigit() or status < HTTPStatus.BAD_REQUEST or not operation.final:
        return unknown(operation, f"the answer is status {status} ({code}) with no error of AWS")
    return OrderRefused(said or code, code=code)


def _denied(operation: Operation, resource: str, template: str | None, said: str) -> str:
    sentence = (
        f"AWS denies {operation.name}. The credentials need the IAM permission "
        f"{operation.permission} on {resource}."
    )
    if operation is ISSUE and template is not None:
        sentence += (
            f" If a policy has the condition acm-pca:TemplateArn, it must admit {template}; the "
            "managed policy AWSPrivateCAUser admits EndEntityCertificate/V1 only."
        )
    return f"{sentence} AWS says: {said}" if said else sentence


_SIGN_IN: Final = Operation("AssumeRole", "assume_role", lambda _quotas: 1, on_one_ca=False)


def sign_in_failed(error: Exception, role: str, hidden: tuple[str, ...]) -> DriverError:
    """What it means that there are no credentials for `role` now.

    They are fetched before the CA is called, so nothing was done there.
    """
    if isinstance(error, sdk.ClientError):
        code, _status, said = reply_of(error, hidden)
        if VERDICTS.get(code) in {Verdict.DENIED, Verdict.ARGUMENT}:
            return BackendRefused(f"{_role_denied(error, role)} AWS says: {said} ({code})")
    return translate(error, _SIGN_IN, resource=role, hidden=hidden)


def _role_denied(error: sdk.ClientError, role: str) -> str:
    if error.operation_name == "AssumeRoleWithWebIdentity":
        return (
            f"AWS denies AssumeRoleWithWebIdentity. The trust policy of {role} must allow "
            "sts:AssumeRoleWithWebIdentity to the identity provider and the service account."
        )
    return (
        f"AWS denies AssumeRole. The credentials need the IAM permission sts:AssumeRole on {role}, "
        "and the role's trust policy must name them and the external id."
    )


def not_opened(error: Exception) -> DriverError:
    """What it means that there is no client; nobody but a source of credentials was called."""
    if isinstance(error, DriverError | sdk.BotoCoreError | sdk.ClientError):
        return sign_in_failed(error, "this machine's role", ())
    return BackendRefused(f"The AWS SDK cannot be opened with these options: {words(str(error))}")


def reply_of(error: sdk.ClientError, hidden: tuple[str, ...]) -> tuple[str, int, str]:
    """Code, HTTP status and AWS's own words."""
    said: Mapping[str, Any] = error.response.get("Error", {})
    metadata: Mapping[str, Any] = error.response.get("ResponseMetadata", {})
    return (
        words(str(said.get("Code", "")), hidden),
        int(metadata.get("HTTPStatusCode", 0)),
        words(str(said.get("Message", "")), hidden),
    )


def _retry_after(error: sdk.ClientError) -> timedelta:
    """Retry-After in seconds (RFC 9110 section 10.2.3); AWS rarely sends one."""
    headers: Mapping[str, str] = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    text = headers.get("retry-after", "")
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        return _THROTTLED_WAIT
    return min(max(timedelta(seconds=int(text)), _THROTTLED_WAIT), _LONGEST_WAIT)


def _cause(error: Exception) -> object:
    """What the HTTP client reported below the SDK's own exception."""
    below = getattr(error, "kwargs", {}).get("error")
    return getattr(below, "os_error", below) or error


def words(text: str, hidden: tuple[str, ...] = ()) -> str:
    """Foreign text made fit for a sentence: one line, bounded, without our credentials."""
    for secret in hidden:
        text = text.replace(secret, "[hidden]")
    start = text[: 8 * _LONGEST_WORDS]  # what comes after it may be megabytes
    printable = "".join(char if char.isprintable() else " " for char in start)
    line = " ".join(printable.split())
    return line if len(line) <= _LONGEST_WORDS else line[:_LONGEST_WORDS] + "…"
