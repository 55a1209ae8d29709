"""What an operation gets to work with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scm_api.sandbox.aws.faults import AnyFault
from scm_api.sandbox.aws.identities import Caller
from scm_api.sandbox.aws.simulator import Simulator
from scm_api.sandbox.aws.store import Origin

Output = dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Context:
    """One authenticated request. `parameters` are the members of its input.

    `fault` is the scripted fault the request met; operations act on mutations only.
    """

    simulator: Simulator
    caller: Caller
    operation: str
    parameters: Mapping[str, Any]
    request_id: str
    fault: AnyFault | None = None

    @property
    def origin(self) -> Origin:
        return Origin(self.operation, self.request_id, self.caller.access_key_id, self.caller.arn)


Operation = Callable[[Context], Output]
