"""Two organizations with departments and everything in them, and admins of every role."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import select, update

from api_client import Api
from csrs import csr_for
from estate import Estate, Json
from scm_api.db.base import new_id
from scm_api.db.models import (
    BulkRenewal,
    BulkRevocation,
    BulkRevocationCertificate,
    CaBackend,
    Enrollment,
    ExternalAssignment,
)
from scm_api.db.session import Database
from scm_api.settings import Settings
from scm_api.worker.process import working
from settlement import PATIENCE

DOMAINS = ("demo.example.com", "*.demo.example.com")  # those of the contract's examples
EVERYTHING = [
    "enroll",
    "approve",
    "revoke",
    "manage_profiles",
    "create_peers",
    "read_audit",
    "enroll_on_behalf",
]


@dataclass(frozen=True, slots=True)
class Place:
    """An organization or department and one of each thing in it, by the name of its parameter."""

    department: bool
    ids: dict[str, str]

    @property
    def role(self) -> str:
        """Of an admin who is given this organization or department."""
        return "drao" if self.department else "rao"


def rights(
    role: str, *organizations: str, types: tuple[str, ...] = ("ssl",), privileges: list[str]
) -> Json:
    """What an admin or a key is given, as a part of its body."""
    return {
        "role": role,
        "organization_ids": list(organizations),
        "certificate_types": list(types),
        "privileges": privileges,
    }


class RoleEstate:
    """Places in two organizations that share nothing but the connector."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.api = estate.api

    async def shared(self) -> dict[str, str]:
        """Connector and local CA backend."""
        connector = await self.estate.connector()
        local = await self.estate.local_ca_backend(connector["id"])
        return {"connector_id": connector["id"], "local_ca_backend_id": local["id"]}

    async def place(self, shared: dict[str, str], parent_id: str | None = None) -> Place:
        """A new organization, or a department, with a CA backend, a profile and an admin."""
        under = f"/organizations/{parent_id}/departments" if parent_id else "/organizations"
        organization = await self.api.post(under, {"name": self.estate.name("place")})
        at = f"/organizations/{organization['id']}/domains"
        domains = [await self.api.post(at, {"name": name}) for name in DOMAINS]
        backend = await self.estate.ca_backend(shared["local_ca_backend_id"])
        usable = {"organization_ids": [organization["id"]], "renew_with_same_key": True}
        profile = await self.estate.profile(backend["id"], **usable)
        role = "drao" if parent_id else "rao"
        limits = rights(role, organization["id"], privileges=["enroll", "revoke"])
        admin, key = await self.estate.api_key(**limits)
        ids = {
            "organization_id": organization["id"],
            "domain_id": domains[0]["id"],
            "ca_backend_id": backend["id"],
            "certificate_profile_id": profile["id"],
            "admin_id": admin["id"],
            "api_key_id": key["id"],
        }
        return Place(parent_id is not None, shared | ids)

    async def enroll(self, *places: Place) -> None:
        """One issued certificate in each place; a worker has to be running."""

        async def one(place: Place) -> None:
            body = {
                "organization_id": place.ids["organization_id"],
                "certificate_profile_id": place.ids["certificate_profile_id"],
                "csr": csr_for("www.demo.example.com"),
            }
            made = await self.api.send("POST", "/enrollments", 201, json=body, headers=PATIENCE)
            place.ids["enrollment_id"] = made.json()["id"]
            place.ids["certificate_id"] = made.json()["certificate_id"]

        await asyncio.gather(*map(one, places))

    async def caller(self, role: str, *places: Place, **limits: object) -> Api:
        """The API as a new admin of these places calls it; by default with every privilege."""
        given: Json = {"privileges": EVERYTHING} | limits
        organizations = [place.ids["organization_id"] for place in places]
        _, key = await self.estate.api_key(**rights(role, *organizations, **given))
        return self.api.as_key(key["key"])


async def add_bulk_revocation(database: Database, place: Place) -> None:
    """One about the place's certificate, which stays as it is."""
    bulk = BulkRevocation(
        id=new_id(), requester_id=uuid4(), reason="superseded", comment="for the matrix"
    )
    item = BulkRevocationCertificate(
        bulk_revocation_id=bulk.id, certificate_id=UUID(place.ids["certificate_id"])
    )
    async with database.transaction() as session:
        session.add(bulk)
        await session.flush()
        session.add(item)
    place.ids["bulk_revocation_id"] = str(bulk.id)


async def add_bulk_renewal(database: Database, place: Place) -> None:
    """One that is said to have led to the place's enrollment."""
    bulk = BulkRenewal(id=new_id(), requester_id=uuid4(), comment="for the matrix")
    one = update(Enrollment).where(Enrollment.id == UUID(place.ids["enrollment_id"]))
    async with database.transaction() as session:
        session.add(bulk)
        await session.flush()
        await session.execute(one.values(bulk_renewal_id=bulk.id))
    place.ids["bulk_renewal_id"] = str(bulk.id)


async def add_external_assignment(database: Database, place: Place) -> str:
    """One for a CA backend that the organization has none for; these CAs know no organizations."""
    organization_id = UUID(place.ids["organization_id"])
    taken = select(ExternalAssignment.ca_backend_id).where(
        ExternalAssignment.organization_id == organization_id
    )
    free = select(CaBackend.id).where(CaBackend.id.not_in(taken)).limit(1)
    async with database.transaction() as session:
        row = ExternalAssignment(
            organization_id=organization_id,
            ca_backend_id=await session.scalar(free),
            external_organization_id="700123",
            name="for the matrix",
            status="active",
            usable=True,
            validations=[],
        )
        session.add(row)
        await session.flush()
        return str(row.id)


@asynccontextmanager
async def prepared(
    estate: Estate, settings: Settings, database: Database
) -> AsyncIterator[list[tuple[Api, Place]]]:
    """Caller and place of each column of the matrix."""
    roles = RoleEstate(estate)
    shared = await roles.shared()
    mine, other = await roles.place(shared), await roles.place(shared)
    child = await roles.place(shared, mine.ids["organization_id"])
    sibling = await roles.place(shared, mine.ids["organization_id"])
    async with working(settings) as queue:
        running = asyncio.create_task(queue.run())
        await roles.enroll(mine, other, child, sibling)
        queue.stop()
        await running
    for place in (mine, other, child, sibling):
        await add_bulk_revocation(database, place)
        await add_bulk_renewal(database, place)
        place.ids["external_assignment_id"] = await add_external_assignment(database, place)
    rao, drao = await roles.caller("rao", mine), await roles.caller("drao", child)
    bare = await roles.caller("rao", mine, privileges=[])
    client = await roles.caller("rao", mine, types=("client",))
    yield [
        (roles.api, mine),
        (rao, mine),
        (rao, child),
        (rao, other),
        (drao, child),
        (drao, mine),
        (drao, sibling),
        (drao, other),
        (bare, mine),
        (client, mine),
    ]
