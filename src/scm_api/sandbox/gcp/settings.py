"""What a simulator is started with, and what may be changed while it runs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Behaviour(BaseModel):
    """How the service behaves.

    `per_second` is how many certificates a CA of each tier issues in a second (quotas: 7 and 25);
    null for no limit. `retry_info`: a used up quota says when to come back. `requires_token`:
    calls bring a token of the service account, as the real service demands.
    """

    model_config = ConfigDict(extra="forbid")

    per_second: dict[str, Annotated[int, Field(ge=1)]] | None = {"ENTERPRISE": 7, "DEVOPS": 25}
    retry_info: bool = False
    requires_token: bool = True
    clock_offset_seconds: float = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a simulator is started with. Port 0 takes a free one; so does the control port."""

    state: Path
    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    behaviour: Behaviour = field(default_factory=Behaviour)
