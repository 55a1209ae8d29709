"""The errors AWS answers with, by the codes and words its services use."""

import re


class ApiError(Exception):
    """One refusal as a client sees it: AWS error code, message and HTTP status.

    JSON 1.1 services answer 400 for nearly everything a caller can do wrong; the query and
    REST protocols spell some codes differently, see `protocol`.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = _sendable(message)
        self.status = status


def _sendable(text: str) -> str:
    """What both JSON and XML take; a message may quote whatever bytes came in."""
    encoded = text.encode(errors="replace").decode()
    return re.sub(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", encoded)


def validation(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def invalid_args(message: str) -> ApiError:
    return ApiError("InvalidArgsException", message)


def malformed_csr(message: str) -> ApiError:
    return ApiError("MalformedCSRException", message)


def not_found(arn: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Could not find {arn}")


def throttled() -> ApiError:
    return ApiError("ThrottlingException", "Rate exceeded")


def access_denied(principal: str, action: str, resource: str, because: str = "") -> ApiError:
    """AccessDeniedException as IAM words it: who may not do what, and where."""
    sentence = f"User: {principal} is not authorized to perform: {action} on resource: {resource}"
    return ApiError("AccessDeniedException", f"{sentence} {because}".rstrip())
