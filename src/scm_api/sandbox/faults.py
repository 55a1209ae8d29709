"""Scripted faults: what goes wrong with the next calls, each consumed a given number of times."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Action = Literal[
    "delay",
    "close",
    "reset",
    "hang",
    "error",
    "html",
    "truncate",
    "drip",
    "other_key",
    "chain_reversed",
    "hide",
]
ANY_OPERATION = "*"


class Fault(BaseModel):
    """`when` says whether it strikes before or after the operation acted.

    `delay`, `hang`, `close` (FIN) and `reset` (RST) are about the connection, after `seconds`;
    `error` answers with `status` and, where the vendor has some, `code`, `html` with a page of what
    stands in front of the CA; `truncate` cuts the
    JSON in half, `drip` sends a byte every `seconds`; `other_key` puts a certificate for another
    key into the answer, `chain_reversed` turns the chain round, `hide` finds no orders.
    `count` calls of `operation` are struck, null for all; `skip` calls pass unharmed first.
    """

    model_config = ConfigDict(extra="forbid")

    operation: str = ANY_OPERATION
    action: Action
    when: Literal["before", "after"] = "before"
    seconds: Annotated[float, Field(ge=0, le=86_400)] = 0
    status: Annotated[int, Field(ge=200, le=599)] = 500
    code: str = "server_error"
    count: Annotated[int, Field(ge=1)] | None = 1
    skip: Annotated[int, Field(ge=0)] = 0

    @property
    def is_in_the_answer(self) -> bool:
        """Whether the answer is bent after the operation acted."""
        return self.action in ("truncate", "drip", "other_key", "chain_reversed", "hide")


@dataclass
class _Queued:
    fault: Fault
    remaining: int | None
    skip: int


@dataclass
class FaultQueue:
    """Faults in the order they were queued; a call meets the first that fits."""

    _queue: list[_Queued] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        self._queue.append(_Queued(fault, fault.count, fault.skip))

    def take(self, operation: str, *, exactly: bool = False) -> Fault | None:
        """The fault this call meets, used up by one; none if there is none or it is skipped.

        `exactly`: one for any operation is not for this one.
        """
        fitting = (operation,) if exactly else (operation, ANY_OPERATION)
        for queued in self._queue:
            if queued.fault.operation in fitting:
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
        return queued.fault

    def clear(self) -> None:
        self._queue.clear()
