"""What is answered in place of a result, in the form of Google's APIs."""

from collections.abc import Sequence
from typing import Any

from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2


class Refusal(Exception):
    """A status with details. `code` is a number of `google.rpc.Code`."""

    def __init__(self, code: int, message: str, *details: Any) -> None:
        super().__init__(message)
        self.status = status_pb2.Status(code=code, message=message)
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            self.status.details.append(packed)


def invalid(field: str, message: str) -> Refusal:
    """A wrong field, named in BadRequest."""
    violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
    return Refusal(
        code_pb2.INVALID_ARGUMENT,
        message,
        error_details_pb2.BadRequest(field_violations=[violation]),
    )


def denied(permission: str, resource: str) -> Refusal:
    """Also the answer to a resource that is not there, in a project of others."""
    message = (
        f"Permission '{permission}' denied on resource '{resource}' (or resource may not exist)."
    )
    info = error_details_pb2.ErrorInfo(
        reason="IAM_PERMISSION_DENIED",
        domain="privateca.googleapis.com",
        metadata={"permission": permission, "resource": resource},
    )
    return Refusal(code_pb2.PERMISSION_DENIED, message, info)


def exhausted(metric: str, retry_after: float | None) -> Refusal:
    """A quota is used up; with RetryInfo only sometimes, as it is in the real service."""
    details: Sequence[Any] = [
        error_details_pb2.ErrorInfo(
            reason="RATE_LIMIT_EXCEEDED",
            domain="googleapis.com",
            metadata={"service": "privateca.googleapis.com", "quota_metric": metric},
        )
    ]
    if retry_after is not None:
        info = error_details_pb2.RetryInfo()
        info.retry_delay.FromMilliseconds(int(retry_after * 1000))
        details = [*details, info]
    message = f"Quota exceeded for quota metric '{metric}' of service 'privateca.googleapis.com'."
    return Refusal(code_pb2.RESOURCE_EXHAUSTED, message, *details)


def not_found(resource: str) -> Refusal:
    """A resource whose parent the caller may see."""
    return Refusal(code_pb2.NOT_FOUND, f"Resource '{resource}' was not found")


def precondition(message: str) -> Refusal:
    """A state or tier that does not allow it."""
    return Refusal(code_pb2.FAILED_PRECONDITION, message)
