"""The refusals of the two APIs: plain messages (ECS), or a code with a message (CA Gateway)."""

from typing import Any


class ApiError(Exception):
    """A refusal of ECS: numeric status and messages without codes."""

    def __init__(self, status: int, *messages: str) -> None:
        super().__init__("; ".join(messages))
        self.status = status
        self.messages = messages

    @property
    def body(self) -> dict[str, Any]:
        errors = [{"message": each} for each in self.messages]
        return {"status": self.status, "errors": errors}


class GatewayError(Exception):
    """A refusal of CA Gateway."""

    def __init__(self, status: int, code: str, message: str, target: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.target = target

    @property
    def body(self) -> dict[str, Any]:
        error = {"code": self.code, "message": self.message, "target": self.target}
        return {"type": "ErrorResponse", "error": error, "message": {"details": [self.message]}}


def not_found(what: str) -> ApiError:
    return ApiError(404, f"The {what} was not found")


def no_such(what: str, target: str) -> GatewayError:
    return GatewayError(404, "not_found", f"There is no such {what}.", target)
