"""Scripted faults: what goes wrong with the next calls, each consumed a given number of times."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from scm_api.sandbox.aws.mutations import GetMutation, IssueDetail, IssueMutation
from scm_api.sandbox.aws.settings import OPERATIONS

Seconds = Annotated[float, Field(ge=0, le=86_400)]
_HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
_HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\t -~]*$")]
When = Literal["before", "after"]
ANY_OPERATION = "*"


class _Fault(BaseModel):
    """`when` says whether the fault strikes before or after the operation acted.

    `count` calls of `operation` are struck, null for all; `skip` calls pass unharmed first.
    """

    model_config = ConfigDict(extra="forbid")

    operation: str = ANY_OPERATION
    when: When = "before"
    count: Annotated[int, Field(ge=1)] | None = 1
    skip: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _known_operation(self) -> Self:
        if self.operation not in (ANY_OPERATION, *OPERATIONS):
            raise ValueError(
                f"no such operation: {self.operation}; known are {', '.join(OPERATIONS)} or *"
            )
        return self

    @property
    def needs_success(self) -> bool:
        """Whether the fault waits for a call that does something."""
        return self.when == "after"


class Delay(_Fault):
    """Everything is right, but late."""

    action: Literal["delay"]
    seconds: Seconds


class Close(_Fault):
    """The connection ends (FIN) without an answer, `seconds` later."""

    action: Literal["close"]
    seconds: Seconds = 0


class Reset(_Fault):
    """The connection is reset (RST) without an answer, `seconds` later."""

    action: Literal["reset"]
    seconds: Seconds = 0


class Hang(_Fault):
    """No answer until the client goes away, or the connection closes after `seconds`."""

    action: Literal["hang"]
    seconds: Seconds | None = None


class Error(_Fault):
    """An error answer. With `body` that text is sent as it is, as a proxy would."""

    action: Literal["error"]
    status: Annotated[int, Field(ge=400, le=599)] = 500
    code: str | None = None
    message: str = "scripted fault"
    body: str | None = None
    headers: dict[_HeaderName, _HeaderValue] = {}

    @property
    def error_code(self) -> str:
        if self.code:
            return self.code
        return "ServiceUnavailableException" if self.status == 503 else "InternalFailure"


class ThrottleFault(_Fault):
    """ThrottlingException, before anything is done."""

    action: Literal["throttle"]
    when: Literal["before"] = "before"


class MutateIssue(_Fault):
    """The certificate, or the ARN in the answer, is not what was ordered; see `mutations`."""

    action: Literal["mutate_issue"]
    operation: Literal["IssueCertificate"] = "IssueCertificate"
    when: Literal["after"] = "after"
    mutation: IssueMutation
    detail: IssueDetail = IssueDetail()


class MutateGet(_Fault):
    """The chain, or the certificate in the answer, is not what was issued; see `mutations`."""

    action: Literal["mutate_get"]
    operation: Literal["GetCertificate"] = "GetCertificate"
    when: Literal["after"] = "after"
    mutation: GetMutation


AnyFault = Delay | Close | Reset | Hang | Error | ThrottleFault | MutateIssue | MutateGet
Fault = Annotated[AnyFault, Field(discriminator="action")]


@dataclass
class QueuedFault:
    """A fault waiting for its calls. `remaining` is null when it never runs out."""

    id: int
    fault: AnyFault
    remaining: int | None
    skip: int

    def as_json(self) -> dict[str, Any]:
        described = self.fault.model_dump(mode="json")
        return described | {"id": self.id, "remaining": self.remaining, "skip": self.skip}


@dataclass
class FaultQueue:
    """Faults in the order they were queued; a call meets the first that fits."""

    _queue: list[QueuedFault] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def __iter__(self) -> Iterator[QueuedFault]:
        return iter(self._queue)

    def add(self, fault: AnyFault) -> QueuedFault:
        queued = QueuedFault(next(self._ids), fault, fault.count, fault.skip)
        self._queue.append(queued)
        return queued

    def take(self, operation: str) -> QueuedFault | None:
        """The fault this call meets, used up by one; none if there is none or it is skipped."""
        for queued in self._queue:
            if queued.fault.operation in (operation, ANY_OPERATION):
                break
        else:
            return None
        if queued.skip:
            queued.skip -= 1
            return None
        if queued.remaining is not None:
            queued.remaining -= 1
            if queued.remaining == 0:
                self._queue.remove(queued)
        return queued

    def give_back(self, queued: QueuedFault) -> None:
        """Undo a `take`: the call was refused, so the fault could not strike."""
        if queued.remaining is None:
            return
        queued.remaining += 1
        if queued not in self._queue:
            self._queue.insert(0, queued)

    def remove(self, fault_id: int) -> bool:
        """Whether there was a fault with this id to remove."""
        before = len(self._queue)
        self._queue = [queued for queued in self._queue if queued.id != fault_id]
        return len(self._queue) < before

    def clear(self) -> None:
        self._queue.clear()
