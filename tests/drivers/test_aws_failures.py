"""The table from AWS error codes to what happens next."""

from typing import Any

import pytest
from aws_harness import EC_ISSUING, template_arn
from botocore import exceptions as sdk

from scm_api.drivers.aws.failures import (
    VERDICTS,
    CredentialsRefused,
    Throttled,
    Verdict,
    not_opened,
    sign_in_failed,
    translate,
)
from scm_api.drivers.aws.operations import DESCRIBE, GET, ISSUE, LIST, REVOKE, Operation
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    DriverError,
    OrderRefused,
    OutcomeUnknown,
)

TEMPLATE = template_arn("EndEntityServerAuthCertificate")
ROLE = "arn:aws:iam::111122223333:role/issuer"
EVERY = (ISSUE, GET, REVOKE, DESCRIBE, LIST)


def answered(code: str, message: str = "as AWS says", status: int = 400) -> sdk.ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}},
    }
    return sdk.ClientError(response, "Some")


def meaning(error: Exception, operation: Operation = ISSUE) -> DriverError:
    resource = "*" if operation is LIST else EC_ISSUING
    return translate(
        error, operation, resource=resource, template=TEMPLATE if operation is ISSUE else None
    )


@pytest.mark.parametrize("code", [code for code, v in VERDICTS.items() if v is Verdict.THROTTLED])
@pytest.mark.parametrize("status", [400, 403, 429, 503])
def test_f05_throttling_did_nothing_in_whatever_form_it_comes(code: str, status: int) -> None:
    error = meaning(answered(code, status=status))
    assert isinstance(error, Throttled)
    assert error.retry_after == error.wait


@pytest.mark.parametrize("code", [code for code, v in VERDICTS.items() if v is Verdict.CREDENTIALS])
@pytest.mark.parametrize("operation", EVERY)
def test_bad_credentials_stop_the_backend_without_aws_words(
    code: str, operation: Operation
) -> None:
    error = meaning(answered(code, "the canonical request was SECRET", 403), operation)
    assert type(error) is CredentialsRefused
    assert code in error.detail
    assert "SECRET" not in error.detail


@pytest.mark.parametrize("operation", EVERY)
@pytest.mark.parametrize("code", ["AccessDeniedException", "AccessDenied"])
def test_a_denial_names_the_permission(operation: Operation, code: str) -> None:
    error = meaning(answered(code, "User: arn:x is not authorized"), operation)
    assert type(error) is BackendRefused
    assert f"acm-pca:{operation.name} on {'*' if operation is LIST else EC_ISSUING}" in error.detail
    assert "User: arn:x is not authorized" in error.detail
    assert error.whole_backend is (operation is LIST), "the others are asked about one CA"
    assert ("acm-pca:TemplateArn" in error.detail) is (operation is ISSUE)
    assert ("AWSPrivateCAUser" in error.detail) is (operation is ISSUE)


@pytest.mark.parametrize(
    "code",
    [
        "InvalidArgsException",
        "MalformedCSRException",
        "ValidationException",
        "InvalidArnException",
        "ResourceNotFoundException",
        "SomethingNewException",
    ],
)
def test_wrong_arguments_end_an_order_but_never_one_that_was_accepted(code: str) -> None:
    for operation in (ISSUE, REVOKE, DESCRIBE):
        error = meaning(answered(code), operation)
        assert type(error) is OrderRefused
        assert (error.code, error.detail) == (code, "as AWS says")
    for operation in (GET, LIST):
        assert type(meaning(answered(code), operation)) is BackendUnavailable


def test_a_used_up_quota_stops_the_backend() -> None:
    error = meaning(answered("LimitExceededException"))
    assert type(error) is BackendRefused
    assert "quota" in error.detail


@pytest.mark.parametrize(
    ("code", "at_least"),
    [
        ("InvalidStateException", 300),
        ("ConcurrentModificationException", 1),
        ("RequestInProgressException", 1),
    ],
)
def test_what_passes_by_itself_is_tried_later(code: str, at_least: int) -> None:
    error = meaning(answered(code), REVOKE)
    assert type(error) is BackendUnavailable
    assert error.retry_after is not None
    assert error.retry_after.total_seconds() >= at_least


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(
    "code", ["InternalFailure", "ServiceUnavailableException", "", "500", "AccessDeniedException"]
)
def test_f06_a_server_error_after_a_write_is_unknown(status: int, code: str) -> None:
    for operation in EVERY:
        error = meaning(answered(code, status=status), operation)
        assert type(error) is (OutcomeUnknown if operation.writes else BackendUnavailable)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("RequestFailedException", 400),
        ("OtherException", 400),
        ("RequestAbortedException", 400),
        ("RequestTimeoutException", 408),
    ],
)
def test_f04_what_failed_on_the_way_decides_nothing(code: str, status: int) -> None:
    for operation in EVERY:
        error = meaning(answered(code, status=status), operation)
        assert type(error) is (OutcomeUnknown if operation.writes else BackendUnavailable)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, BackendRefused),
        (403, BackendRefused),
        (407, BackendRefused),
        (429, Throttled),
        (400, OutcomeUnknown),
        (404, OutcomeUnknown),
        (408, OutcomeUnknown),
        (413, OutcomeUnknown),
    ],
)
def test_a_status_without_a_code_comes_from_something_in_between(
    status: int, expected: type[DriverError]
) -> None:
    assert type(meaning(answered(str(status), "<html>", status))) is expected


@pytest.mark.parametrize(
    "error",
    [
        sdk.EndpointConnectionError(endpoint_url="https://x", error=OSError("refused")),
        sdk.ConnectTimeoutError(endpoint_url="https://x", error=TimeoutError()),
        sdk.ProxyConnectionError(proxy_url="proxy", error=OSError("refused")),
    ],
)
def test_f04_nothing_was_sent(error: Exception) -> None:
    for operation in EVERY:
        assert type(meaning(error, operation)) is BackendUnavailable


@pytest.mark.parametrize(
    "error",
    [
        sdk.ReadTimeoutError(endpoint_url="https://x", error=TimeoutError()),
        sdk.ConnectionClosedError(endpoint_url="https://x", error=OSError("reset")),
        sdk.HTTPClientError(error=OSError("odd")),
        TimeoutError(),
        RuntimeError("a defect of the SDK"),
        KeyError("CertificateArn"),
    ],
)
def test_f04_something_was_sent(error: Exception) -> None:
    for operation in EVERY:
        expected = OutcomeUnknown if operation.writes else BackendUnavailable
        assert type(meaning(error, operation)) is expected


@pytest.mark.parametrize(
    "error",
    [
        sdk.NoCredentialsError(),
        sdk.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        sdk.CredentialRetrievalError(provider="iam-role", error_msg="gone"),
        sdk.ProfileNotFound(profile="prod"),
        sdk.SSLError(endpoint_url="https://x", error=OSError("certificate has expired")),
    ],
)
def test_without_credentials_or_trust_nothing_is_tried(error: Exception) -> None:
    for operation in EVERY:
        assert type(meaning(error, operation)) is BackendRefused


def test_a_request_the_sdk_does_not_send_is_refused() -> None:
    assert type(meaning(sdk.ParamValidationError(report="Csr too long"))) is OrderRefused


def test_a_driver_error_stays_itself() -> None:
    refused = BackendRefused("as it was")
    assert meaning(refused) is refused


@pytest.mark.parametrize(
    ("error", "expected", "says"),
    [
        (answered("AccessDenied"), BackendRefused, f"sts:AssumeRole on {ROLE}"),
        (answered("ValidationError"), BackendRefused, "external id"),
        (answered("ExpiredToken"), CredentialsRefused, "expired"),
        (answered("InternalFailure", status=500), BackendUnavailable, "AssumeRole"),
        (answered("Throttling"), Throttled, "AssumeRole"),
        (TimeoutError(), BackendUnavailable, "AssumeRole"),
        (
            sdk.EndpointConnectionError(endpoint_url="https://sts", error=OSError("x")),
            BackendUnavailable,
            "reached",
        ),
    ],
)
def test_a_failed_sign_in_did_nothing_at_the_ca(
    error: Exception, expected: type[DriverError], says: str
) -> None:
    failure = sign_in_failed(error, ROLE, ())
    assert type(failure) is expected
    assert says in failure.detail


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidIdentityToken"])
def test_a_web_identity_that_is_refused_is_told_as_one(code: str) -> None:
    denied = sdk.ClientError(answered(code).response, "AssumeRoleWithWebIdentity")
    failure = sign_in_failed(denied, "this machine's role", ())
    assert type(failure) is BackendRefused
    assert "sts:AssumeRoleWithWebIdentity" in failure.detail
    assert "external id" not in failure.detail


def test_an_endpoint_the_sdk_does_not_take_was_sent_nothing() -> None:
    failure = not_opened(ValueError("Invalid endpoint: https://x"))
    assert type(failure) is BackendRefused
    assert "sent" not in failure.detail
