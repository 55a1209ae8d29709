"""The refusals of CertCentral: an HTTP status and `{"errors":[{"code","message"}]}`."""

from typing import Any


class ApiError(Exception):
    """One refusal as a client sees it. `code` is `base`, `base|detail` or `base:field`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    @property
    def body(self) -> dict[str, Any]:
        return {"errors": [{"code": self.code, "message": self.message}]}


def invalid(field: str, message: str = "") -> ApiError:
    return ApiError(400, f"invalid_value:{field}", message or f"Invalid value for {field}.")


def missing(field: str) -> ApiError:
    return ApiError(400, f"required_param:{field}", f"Required parameter {field} is missing.")


def not_found(kind: str) -> ApiError:
    return ApiError(404, f"not_found|{kind}", f"The {kind} could not be found.")


def denied(detail: str) -> ApiError:
    """A wrong key is 403 as well, never 401."""
    return ApiError(403, f"access_denied|{detail}", f"Access denied due to {detail}.")


def too_many_requests() -> ApiError:
    message = "Service unavailable, please limit request volume"
    return ApiError(429, "request_limit_exceeded", message)
