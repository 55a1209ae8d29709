"""Makes what a test needs to exist, through the API and with names of their own."""

from dataclasses import dataclass
from itertools import count
from typing import Any

from api_client import Api
from scm_api.sandbox import aws
from simulator import EC_ISSUING

Json = dict[str, Any]
NOWHERE = "http://127.0.0.1:1"
OWNED = ("example.com", "*.example.com")


@dataclass(frozen=True, slots=True)
class Chain:
    """Everything an enrollment needs, from the connector to the profile, as the API shows it."""

    connector: Json
    local_ca_backend: Json
    ca_backend: Json
    organization: Json
    profile: Json


class Estate:
    """Builders; every field of a body can be replaced by keyword.

    The first chain stands on what `prepared` has, the others on things of their own.
    """

    def __init__(
        self, api: Api, aws_url: str, *, first_number: int = 1, prepared: Chain | None = None
    ) -> None:
        self.api = api
        self.aws_url = aws_url
        self.prepared = prepared
        self._number = count(first_number)

    def name(self, what: str) -> str:
        """A name nothing else has."""
        return f"{what}-{next(self._number)}"

    async def connector(self, **changes: Any) -> Json:
        body = {"name": self.name("connector")} | changes
        made: Json = await self.api.post("/connectors", body)
        return made

    def connection(self, url: str | None = None) -> Json:
        """Options and secrets that reach the simulator, or another address."""
        return {
            "options": {
                "backend_type": "aws",
                "region": aws.REGION,
                "endpoint_url": url or self.aws_url,
            },
            "secrets": {
                "backend_type": "aws",
                "access_key_id": aws.ACCESS_KEY_ID,
                "secret_access_key": aws.SECRET_ACCESS_KEY,
            },
        }

    async def local_ca_backend(
        self, connector_id: str | None = None, *, url: str | None = None, **changes: Any
    ) -> Json:
        connector_id = connector_id or (await self.connector())["id"]
        body = {"name": self.name("local")} | self.connection(url) | changes
        made: Json = await self.api.post(f"/connectors/{connector_id}/local-ca-backends", body)
        return made

    async def ca_backend(
        self, local_ca_backend_id: str | None = None, *, url: str | None = None, **changes: Any
    ) -> Json:
        local_id = local_ca_backend_id or (await self.local_ca_backend(url=url))["id"]
        body = {"name": self.name("backend"), "local_ca_backend_id": local_id} | changes
        made: Json = await self.api.post("/ca-backends", body)
        return made

    async def organization(self, *domains: str, **changes: Any) -> Json:
        body = {"name": self.name("organization")} | changes
        made: Json = await self.api.post("/organizations", body)
        for domain in domains:
            await self.api.post(f"/organizations/{made['id']}/domains", {"name": domain})
        return made

    def profile_body(self, ca_backend_id: str, **changes: Any) -> Json:
        """What a profile for the simulator's issuing CA looks like."""
        return {
            "name": self.name("profile"),
            "ca_backend_id": ca_backend_id,
            "term": {"allowed_days": [30, 90], "default_days": 30},
            "options": {"backend_type": "aws", "private_ca": EC_ISSUING},
        } | changes

    async def profile(self, ca_backend_id: str | None = None, **changes: Any) -> Json:
        backend_id = ca_backend_id or (await self.ca_backend())["id"]
        body = self.profile_body(backend_id, **changes)
        made: Json = await self.api.post("/certificate-profiles", body)
        return made

    async def chain(self, *domains: str, **profile: Any) -> Chain:
        """All of it, ready to enroll; the organization owns example.com and what is below it."""
        there, self.prepared = self.prepared, None
        if there is not None and not domains:
            local, backend = there.local_ca_backend, there.ca_backend
            connector, organization = there.connector, there.organization
        else:
            connector = await self.connector()
            local = await self.local_ca_backend(connector["id"])
            backend = await self.ca_backend(local["id"])
            organization = await self.organization(*(domains or OWNED))
        usable_by = {"organization_ids": [organization["id"]]}
        made = await self.profile(backend["id"], **(usable_by | profile))
        return Chain(connector, local, backend, organization, made)

    async def ground(self) -> tuple[Json, Json]:
        """The connector and the organization of a chain to another CA; it owns the same."""
        there, self.prepared = self.prepared, None
        if there is not None:
            return there.connector, there.organization
        return await self.connector(), await self.organization(*OWNED)

    async def api_key(self, **admin: Any) -> tuple[Json, Json]:
        """A further admin and a key for them, whose text is under `key`."""
        number = next(self._number)
        body = {"name": f"Admin {number}", "email": f"admin{number}@example.com"} | admin
        made: Json = await self.api.post("/admins", body)
        key: Json = await self.api.post("/api-keys", {"admin_id": made["id"], "name": "key"})
        return made, key
