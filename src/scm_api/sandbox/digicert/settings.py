"""How the simulator is set up, and what may be changed while it runs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Calls = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
DOCUMENTED_LIMITS: tuple[tuple[int, float], ...] = ((100, 5.0), (1000, 180.0))
"""Calls per API key in rolling windows of seconds (CertCentral, rate limits)."""


class Behaviour(BaseModel):
    """What may be changed while the simulator runs.

    `immediate` is the account setting for orders whose organization and domains are validated:
    issued in the answer to the order, or `processing_seconds` later. `needs_approval` is the other
    one: orders and revocations of keys that are no administrator's wait for one. `cap_days` is the
    longest a publicly trusted TLS certificate may be, which is shortened and not refused.
    `lookup_delay_seconds` is how long a new order is not yet found by its alternative id.
    """

    model_config = ConfigDict(extra="forbid")

    immediate: bool = True
    processing_seconds: Annotated[float, Field(ge=0)] = 1
    needs_approval: bool = True
    cap_days: Annotated[int, Field(ge=1)] | None = 199
    rate_limits: list[tuple[Calls, Seconds]] = Field(
        default_factory=lambda: list(DOCUMENTED_LIMITS)
    )
    lookup_delay_seconds: Annotated[float, Field(ge=0)] = 0
    clock_offset_seconds: float = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a simulator is started with. Port 0 takes a free one."""

    state: Path
    host: str = "127.0.0.1"
    port: int = 0
    behaviour: Behaviour = field(default_factory=Behaviour)
