"""Enrolling through the API and waiting for what becomes of it."""

import asyncio
from dataclasses import dataclass
from typing import Any

from api_client import Api
from csrs import csr_for
from estate import Chain, Json

PATIENCE = {"Prefer": "wait=20"}


@dataclass(frozen=True, slots=True)
class Enrolling:
    """Enrolls for one chain's organization through its profile."""

    api: Api
    chain: Chain

    def body(self, *names: str, **changes: Any) -> Json:
        """An enrollment's body; without names the CSR must be among the changes."""
        csr = {"csr": csr_for(*names)} if names else {}
        return (
            {
                "organization_id": self.chain.organization["id"],
                "certificate_profile_id": self.chain.profile["id"],
            }
            | csr
            | changes
        )

    async def enroll(self, *names: str, **changes: Any) -> Json:
        """Enroll and do not wait."""
        made: Json = await self.api.post("/enrollments", self.body(*names, **changes), 202)
        return made

    async def settled(self, enrollment_id: str) -> Json:
        """The enrollment when it is final or parked, or after 20 seconds."""
        found: Json = await self.api.get(f"/enrollments/{enrollment_id}", headers=PATIENCE)
        return found

    async def issued(self, *names: str, **changes: Any) -> Json:
        """The certificate of a new enrollment."""
        made = await self.api.send(
            "POST", "/enrollments", 201, json=self.body(*names, **changes), headers=PATIENCE
        )
        certificate: Json = await self.api.get(made.headers["Location"])
        return certificate

    async def until(self, path: str, member: str, value: Any) -> Json:
        """What is at `path` once `member` (dotted) has `value`; gives up after 20 seconds."""
        for _ in range(200):
            content: Json = await self.api.get(path)
            found: Any = content
            for step in member.split("."):
                found = found[step] if found else None
            if found == value:
                return content
            await asyncio.sleep(0.1)
        why = content.get("reason")
        raise AssertionError(f"{member} of {path} is {found!r}, not {value!r}: {why}")
