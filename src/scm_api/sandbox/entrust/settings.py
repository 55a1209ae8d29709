"""How the simulator is set up, and what may be changed while it runs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Calls = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


class Behaviour(BaseModel):
    """What may be changed while the simulator runs.

    `immediate`: certificates are in the answer to the request, or `processing_seconds` later.
    `needs_approval`: the account's policy sends every request of the API to an administrator.
    `pooling`: the account's inventory is counted and expiry chosen freely, else `certLifetime` is
    asked for. `requires_requester`: requests without name, e-mail and phone of a requester are
    refused, as most accounts do. `cap_days` is the longest a publicly trusted certificate may be;
    longer ones are refused. `crl_reasons` are the reasons that are taken. `random_value_seconds` is
    how long a new domain has no value to prove control with. `empty_list_is_404` is how some
    deployments answer a search without hits. `lookup_delay_seconds` is how long lists do not show
    what is new. Without `knows_validate_only`, what is only to be checked is ordered. With
    `gateway_acknowledges`, CA Gateway answers an enrollment without the certificate, which is in
    its feed of events.
    """

    model_config = ConfigDict(extra="forbid")

    immediate: bool = True
    processing_seconds: Annotated[float, Field(ge=0)] = 1
    needs_approval: bool = False
    pooling: bool = True
    requires_requester: bool = True
    knows_validate_only: bool = True
    gateway_acknowledges: bool = False
    cap_days: Annotated[int, Field(ge=1)] | None = 199
    crl_reasons: list[str] = [
        "unspecified",
        "keyCompromise",
        "affiliationChanged",
        "superseded",
        "cessationOfOperation",
    ]
    random_value_seconds: Annotated[float, Field(ge=0)] = 0
    empty_list_is_404: bool = False
    lookup_delay_seconds: Annotated[float, Field(ge=0)] = 0
    rate_limits: list[tuple[Calls, Seconds]] = Field(default_factory=lambda: [(50, 1.0)])
    clock_offset_seconds: float = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a simulator is started with. Port 0 takes a free one."""

    state: Path
    host: str = "127.0.0.1"
    port: int = 0
    behaviour: Behaviour = field(default_factory=Behaviour)
