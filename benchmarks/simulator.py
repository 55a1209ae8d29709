"""The CA's side: how the simulator behaves, and what it says it was asked and when."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

_PAGE = 1000
# What the AWS driver waits on purpose: before its first look, and after each "in progress".
_FIRST_LOOK = 0.5
_NEXT_LOOK = 1.0


@dataclass(frozen=True, slots=True)
class Ordered:
    """One order as the CA saw it. `asked_at` is Unix time; the others are seconds."""

    asked_at: float
    answering: float
    deliberate: float


class SimulatedCa:
    """The control interface of one simulator."""

    def __init__(self, address: str) -> None:
        self._client = httpx.AsyncClient(base_url=f"{address}/_sandbox", timeout=30)
        self._cursor = 0

    async def behave(self, milliseconds: float, pending_gets: int, seed: int) -> None:
        """Answer after a lognormal time of this median; show certificates at a later look."""
        latency = {"distribution": "lognormal", "ms": milliseconds, "seed": seed}
        body = {"latency": latency, "pending_gets": pending_gets}
        (await self._client.patch("/settings", json=body)).raise_for_status()

    async def orders(self) -> dict[UUID, Ordered]:
        """What was ordered since the last time, by enrollment."""
        by_certificate: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for call in await self._calls():
            if call["certificate_arn"]:
                by_certificate[call["certificate_arn"]].append(call)
        return {
            # The token is the enrollment's id and the number of the attempt.
            UUID(calls[0]["token"][:32]): _ordered(calls)
            for calls in by_certificate.values()
            if calls[0]["operation"] == "IssueCertificate"
        }

    async def _calls(self) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []
        while True:
            query = {"after": self._cursor, "limit": _PAGE}
            page = (await self._client.get("/calls", params=query)).raise_for_status().json()
            calls += page["entries"]
            self._cursor = page["next"]
            if len(page["entries"]) < _PAGE:
                return calls

    async def aclose(self) -> None:
        """Close the connection."""
        await self._client.aclose()


def _ordered(calls: Sequence[dict[str, Any]]) -> Ordered:
    looks = len(calls) - 1
    return Ordered(
        asked_at=datetime.fromisoformat(calls[0]["time"]).timestamp(),
        answering=sum(call["milliseconds"] for call in calls) / 1000,
        deliberate=_FIRST_LOOK + _NEXT_LOOK * max(0, looks - 1),
    )
