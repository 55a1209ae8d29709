"""How the simulator is set up: where it listens, how it behaves, and the documented quotas."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from scm_api.sandbox.aws.identities import Credentials, default_credentials

REGION = "eu-central-1"

DOCUMENTED_QUOTAS: Mapping[str, int] = {
    "CreateCertificateAuthorityAuditReport": 1,
    "DescribeCertificateAuthority": 20,
    "DescribeCertificateAuthorityAuditReport": 20,
    "GetCertificate": 75,
    "GetCertificateAuthorityCertificate": 20,
    "GetCertificateAuthorityCsr": 10,
    "IssueCertificate": 25,
    "ListCertificateAuthorities": 20,
    "RevokeCertificate": 20,
}
"""Calls per second, account and region (Service Quotas of AWS Private CA, defaults)."""

STS_OPERATIONS = ("AssumeRole", "GetCallerIdentity")
OPERATIONS = (*DOCUMENTED_QUOTAS, *STS_OPERATIONS, "GetObject")
"""Every operation answered here; any other is an UnknownOperationException."""


class Latency(BaseModel):
    """How long an operation takes before it acts.

    `lognormal` has the median `ms` and the shape `sigma`; `seed` makes a run repeatable.
    """

    model_config = ConfigDict(extra="forbid")

    distribution: Literal["fixed", "lognormal"] = "fixed"
    ms: Annotated[float, Field(ge=0, le=600_000)] = 0
    sigma: Annotated[float, Field(gt=0, le=3)] = 0.5
    seed: int = 1


class Behaviour(BaseModel):
    """What may be changed while the simulator runs.

    `quotas` are calls per second by operation; an operation that is not named is not limited,
    so an empty mapping turns throttling off. `pending_gets` and `pending_seconds` say how long
    GetCertificate answers RequestInProgressException. `clock_offset_seconds` moves the
    simulator's idea of now, but not the check of signature dates.
    """

    model_config = ConfigDict(extra="forbid")

    pending_gets: Annotated[int, Field(ge=0)] = 1
    pending_seconds: Annotated[float, Field(ge=0)] = 0
    idempotency_seconds: Annotated[float, Field(gt=0)] = 300
    quotas: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=lambda: dict(DOCUMENTED_QUOTAS)
    )
    certificates_per_ca: Annotated[int, Field(ge=0)] = 1_000_000
    audit_report_interval_seconds: Annotated[float, Field(ge=0)] = 1800
    list_page_limit: Annotated[int, Field(ge=1, le=100)] = 100
    latency: Latency = Latency()
    clock_offset_seconds: Annotated[float, Field(ge=-1e9, le=1e9)] = 0

    @field_validator("quotas")
    @classmethod
    def _known_operations(cls, quotas: dict[str, int]) -> dict[str, int]:
        if unknown := sorted(set(quotas) - set(DOCUMENTED_QUOTAS)):
            raise ValueError(
                f"no such operation: {', '.join(unknown)}; known are {', '.join(DOCUMENTED_QUOTAS)}"
            )
        return quotas


@dataclass(frozen=True, slots=True)
class Settings:
    """What a simulator is started with. Port 0 takes a free one.

    `region` is where all but one of the private CAs live; it is fixed by the first start on a
    state directory.
    """

    state: Path
    host: str = "127.0.0.1"
    port: int = 0
    region: str = REGION
    behaviour: Behaviour = field(default_factory=Behaviour)
    credentials: Credentials = field(default_factory=default_credentials)
