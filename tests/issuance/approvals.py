"""Admins who decide about each other's requests, and a clock that can be moved."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import func, update

from api_client import Api
from estate import Estate, Json
from scm_api.access.provisioning import create_admin_with_key
from scm_api.db.models import Certificate, Enrollment
from scm_api.db.session import Database
from scm_api.settings import Settings
from scm_api.worker.process import working
from settlement import Enrolling


@dataclass(frozen=True, slots=True)
class FourEyes:
    """One who asks, through a profile that requires approval, and one who decides."""

    enrolling: Enrolling
    approver: Api

    @property
    def requester(self) -> Api:
        return self.enrolling.api

    async def decide(
        self, path: str, verb: str = "approve", by: Api | None = None, **request: Any
    ) -> httpx.Response:
        """A decision about the version that is there now."""
        version = (await self.requester.get(path))["version"]
        headers = {"If-Match": f'"{version}"'} | request.pop("headers", {})
        body = request.pop("json", {"comment": "looked at it"})
        who = by or self.approver
        middle = "/revocation" if path.startswith("/certificates") else ""
        return await who.send(
            "POST", f"{path}{middle}/{verb}", json=body, headers=headers, **request
        )

    async def issued(self, *names: str, **changes: Any) -> Json:
        """The certificate of a new enrollment, approved."""
        made = await self.enrolling.enroll(*names, **changes)
        assert made["state"] == "pending_approval"
        assert (await self.decide(f"/enrollments/{made['id']}")).status_code == 200
        ended = await self.enrolling.settled(made["id"])
        assert ended["state"] == "issued", ended
        certificate: Json = await self.requester.get(f"/certificates/{ended['certificate_id']}")
        return certificate


async def four_eyes(estate: Estate, **profile: Any) -> FourEyes:
    """Two admins; the fields of the profile can be given."""
    chain = await estate.chain(**({"requires_approval": True} | profile))
    return FourEyes(Enrolling(estate.api, chain), await another_admin(estate))


async def another_admin(estate: Estate) -> Api:
    """The API as a further MRAO calls it, whose key nobody else knows."""
    database = estate.api.app.state.resources.database
    name = estate.name("Admin")
    key = await create_admin_with_key(database, name, f"{name.lower()}@example.com")
    return estate.api.as_key(key)


async def time_is_up(database: Database, path: str) -> None:
    """Let the time for an answer be over for what is at `path`."""
    past = func.now() - timedelta(seconds=1)
    thing = UUID(path.rpartition("/")[2])
    async with database.transaction() as session:
        if path.startswith("/enrollments"):
            changed = update(Enrollment).where(Enrollment.id == thing)
            await session.execute(changed.values(approval_expires_at=past))
        else:
            changed = update(Certificate).where(Certificate.id == thing)
            await session.execute(changed.values(revocation_expires_at=past))


@asynccontextmanager
async def at_work(settings: Settings) -> AsyncIterator[None]:
    """A worker for a part of the test."""
    async with working(settings) as queue:
        running = asyncio.create_task(queue.run())
        yield
        queue.stop()
        await running
