"""Two organizations with departments and everything in them, and admins of every role."""

import asyncio
from dataclasses import dataclass

from api_client import Api
from csrs import csr_for
from estate import Estate, Json
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
